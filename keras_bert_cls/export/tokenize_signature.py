"""The signature `tokenize`: from texts to the tokens as the model sees them."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from keras_bert_cls.export.string_function import Outputs, string_function
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.text.packing import pack_texts
from keras_bert_cls.text.vocabulary import Vocabulary


def tokenize_signature(
    trained: TrainedModel,
    input_names: Sequence[str],
    segments_of: Callable[..., list[tf.RaggedTensor]],
) -> tf.types.experimental.PolymorphicFunction:
    """Makes the signature. The model itself does not run in it.

    Outputs, where length is the model's max_length:
      tokens: string [n, length], [CLS] and [SEP] among them, "" where padding;
      token_ids: int32 [n, length], their ids.

    Args:
      trained: the model.
      input_names: the inputs' names.
      segments_of: gets string [n] for each input, and returns the one or two segments to pack,
        ragged int32 [n, (length)].
    """
    vocabulary = trained.tokenizer.vocabulary

    def tokenize(*texts: tf.Tensor) -> Outputs:
        # Of one length in every batch: TensorFlow Serving joins the parts of a large request that
        # it has split without a look at their lengths, and our server batches fixed lengths only.
        packed = pack_texts(
            vocabulary,
            segments_of(*texts),
            max_length=trained.settings.max_length,
            pad_to_max_length=True,
        )
        names = tf.gather(token_names(vocabulary), packed["token_ids"])
        return {
            "tokens": tf.where(packed["padding_mask"] > 0, names, ""),
            "token_ids": packed["token_ids"],
        }

    return string_function(input_names, tokenize)


def token_names(vocabulary: Vocabulary) -> tf.Tensor:
    """Returns the tokens in the order of their ids, string [tokens]."""
    return tf.constant([token.encode() for token in vocabulary.tokens], tf.string)
