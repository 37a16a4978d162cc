"""The signatures of a trained model, by its task."""

import tensorflow as tf

from keras_bert_cls.export.classifier_signatures import classifier_signatures
from keras_bert_cls.export.generate_signatures import generate_signatures
from keras_bert_cls.export.masked_lm_signatures import masked_lm_signatures
from keras_bert_cls.modeling.trained_model import TrainedModel

# TensorFlow Serving's Classify and Regress calls ask for these with
# --enable_signature_method_name_check; every other signature is for Predict.
METHOD_NAMES = {
    "classify": tf.saved_model.CLASSIFY_METHOD_NAME,
    "regress": tf.saved_model.REGRESS_METHOD_NAME,
}


def serving_signatures(
    trained: TrainedModel, pad_to_multiple_of: int = 8
) -> dict[str, tf.types.experimental.PolymorphicFunction]:
    """Makes the functions that are exported; they run in this process as well.

    Args:
      trained: the model.
      pad_to_multiple_of: inputs are padded to the longest of the batch, rounded up to this.

    Returns:
      Signature name -> function. See `classifier_signatures`, `masked_lm_signatures` and
      `generate_signatures`.
    """
    if trained.settings.task == "masked_lm":
        return masked_lm_signatures(trained, pad_to_multiple_of)
    if trained.settings.task == "seq2seq":
        return generate_signatures(trained, pad_to_multiple_of)
    return classifier_signatures(trained, pad_to_multiple_of)
