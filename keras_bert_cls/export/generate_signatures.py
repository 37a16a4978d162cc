"""The signatures of a sequence-to-sequence model: from texts to texts."""

import tensorflow as tf

from keras_bert_cls.errors import UserError
from keras_bert_cls.export.string_function import Outputs, string_function
from keras_bert_cls.export.tokenize_signature import tokenize_signature
from keras_bert_cls.modeling import decoding
from keras_bert_cls.modeling.cached_decoder import CachedDecoder
from keras_bert_cls.modeling.decoder_config import GenerationConfig
from keras_bert_cls.modeling.seq2seq import decoder_blocks, decoder_config
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.text.packing import pack_texts


def generate_signatures(
    trained: TrainedModel, pad_to_multiple_of: int
) -> dict[str, tf.types.experimental.PolymorphicFunction]:
    """Makes the signatures `generate`, `serving_default`, which is the same, and `tokenize`.

    Input: text string [n].

    Outputs of `generate`:
      text: string [n], what the model writes, as `Tokenizer.detokenize` joins its tokens;
      score: float32 [n], its log-likelihood, divided by the length penalty; see GenerationConfig.
    How it is chosen is fixed in the export: `trained.generation`. A text without a token, such as
    the empty one, is answered with the empty text and score 0.

    Raises:
      UserError: the model has no decoder, or cannot do what `trained.generation` asks.
    """
    writer = make_generator(trained)
    tokenizer = trained.tokenizer

    def generate(text: tf.Tensor) -> Outputs:
        token_ids, scores = writer.generate(read_texts(trained, text, pad_to_multiple_of))
        written = tokenizer.detokenize(tf.RaggedTensor.from_tensor(token_ids))
        is_empty = tokenizer.tokenize(text).row_lengths() == 0
        return {
            "text": tf.where(is_empty, "", written),
            "score": tf.where(is_empty, 0.0, scores),
        }

    function = string_function(["text"], generate)
    tokenize = tokenize_signature(trained, ["text"], lambda text: [tokenizer.tokenize(text)])
    return {"serving_default": function, "generate": function, "tokenize": tokenize}


def read_texts(
    trained: TrainedModel, text: tf.Tensor, pad_to_multiple_of: int
) -> dict[str, tf.Tensor]:
    """Returns the encoder's inputs, int32 [n, length] each, for string [n].

    Args:
      trained: the model.
      text: what it is to read.
      pad_to_multiple_of: the longest of the batch is rounded up to this.
    """
    return pack_texts(
        trained.tokenizer.vocabulary,
        [trained.tokenizer.tokenize(text)],
        max_length=trained.settings.max_length,
        pad_to_multiple_of=pad_to_multiple_of,
    )


def make_generator(
    trained: TrainedModel, decoder: type[CachedDecoder] = CachedDecoder
) -> decoding.Generator:
    """Returns what writes outputs as `trained.generation` says.

    Args:
      trained: the model.
      decoder: makes the decoder.

    Raises:
      UserError: the model has no decoder, or cannot do what is asked.
    """
    if not decoder_blocks(trained.model):
        raise UserError(
            "the settings are those of a seq2seq model, but the model has no decoder. Export the "
            "model with the settings that it was trained with."
        )
    config = trained.generation or GenerationConfig()
    config.validate(decoder_config(trained.model))
    return decoding.Generator(decoder(trained.model), trained.tokenizer.vocabulary, config)
