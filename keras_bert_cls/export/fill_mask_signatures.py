"""The signature `fill_mask`: from texts with [MASK] in them to the likeliest tokens."""

import tensorflow as tf

from keras_bert_cls.export.masked_texts import MaskedTextReader, fill_pieces
from keras_bert_cls.export.string_function import Outputs, string_function
from keras_bert_cls.export.tokenize_signature import token_names
from keras_bert_cls.modeling.output_softmax import softmax_of
from keras_bert_cls.modeling.trained_model import TrainedModel

TOP_TOKENS = 5


def fill_mask_signature(
    trained: TrainedModel, pad_to_multiple_of: int, top_tokens: int = TOP_TOKENS
) -> tf.types.experimental.PolymorphicFunction:
    """Makes the signature.

    Input: text string [n], each with a literal [MASK] any number of times.

    Outputs, where masks is the largest number of [MASK]s in a text of the batch, at most the
    model's max_length, and k is `top_tokens` (or the size of a smaller vocabulary):
      tokens: string [n, masks, k], the likeliest first;
      scores: float32 [n, masks, k], their probabilities;
      sequence: string [n], the text with its [MASK]s replaced by the likeliest tokens.
    Where a text has fewer [MASK]s, or one is cut off because the text exceeds the model's length,
    tokens are "" and scores 0; `sequence` keeps a [MASK] that was cut off.
    """
    vocabulary = trained.tokenizer.vocabulary
    reader, softmax = MaskedTextReader(trained, pad_to_multiple_of), softmax_of(trained.model)

    def fill_mask(text: tf.Tensor) -> Outputs:
        texts = reader.read(text)
        inputs = {**texts.packed, "mask_positions": texts.positions}
        outputs = trained.model(inputs, training=False)
        best, scores = softmax.top_k(outputs, min(top_tokens, len(vocabulary)))
        is_mask = texts.is_mask[..., tf.newaxis]
        tokens = tf.where(is_mask, tf.gather(token_names(vocabulary), best), "")
        words = tf.strings.regex_replace(tokens[..., 0], "^##(.)", r"\1")
        return {
            "tokens": tokens[:, : texts.masks],
            "scores": tf.where(is_mask, scores, 0.0)[:, : texts.masks],
            "sequence": fill_pieces(texts.pieces, words),
        }

    return string_function(["text"], fill_mask)
