"""The signatures of a masked language model."""

import tensorflow as tf

from keras_bert_cls.export.fill_mask_signatures import fill_mask_signature
from keras_bert_cls.export.infill_signature import infill_signature
from keras_bert_cls.export.masked_texts import MaskedTextReader
from keras_bert_cls.export.score_signatures import score_signatures
from keras_bert_cls.export.tokenize_signature import tokenize_signature
from keras_bert_cls.modeling.trained_model import TrainedModel


def masked_lm_signatures(
    trained: TrainedModel, pad_to_multiple_of: int
) -> dict[str, tf.types.experimental.PolymorphicFunction]:
    """Makes the signatures, all of which take text string [n].

    fill_mask, and serving_default, which is the same: the likeliest tokens for each [MASK]; see
      `fill_mask_signature`.
    infill: the text with its [MASK]s filled together, as likely as possible or drawn at random;
      see `infill_signature`.
    score, score_word_l2r: how likely the text is; see `score_signatures`.
    tokenize: the tokens as the model sees them, [MASK]s among them; see `tokenize_signature`.
    """
    fill_mask = fill_mask_signature(trained, pad_to_multiple_of)
    segments = MaskedTextReader(trained, pad_to_multiple_of).segments
    return {
        "serving_default": fill_mask,
        "fill_mask": fill_mask,
        "infill": infill_signature(trained, pad_to_multiple_of),
        **score_signatures(trained, pad_to_multiple_of),
        "tokenize": tokenize_signature(trained, ["text"], segments),
    }
