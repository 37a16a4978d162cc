"""The signatures of a trained model, by its task."""

from collections.abc import Iterable

import tensorflow as tf

from keras_bert_cls.export.classifier_signatures import classifier_signatures
from keras_bert_cls.export.generate_signatures import generate_signatures
from keras_bert_cls.export.masked_lm_signatures import masked_lm_signatures
from keras_bert_cls.export.task_signatures import asked_task, multitask_signatures
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel

# TensorFlow Serving's Classify and Regress calls ask for these with
# --enable_signature_method_name_check; every other signature is for Predict.
_METHOD_NAMES = {
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
      Signature name -> function. See `classifier_signatures`, `multitask_signatures`,
      `masked_lm_signatures` and `generate_signatures`.
    """
    if trained.settings.task == "multitask":
        return multitask_signatures(trained, pad_to_multiple_of)
    if trained.settings.task == "masked_lm":
        return masked_lm_signatures(trained, pad_to_multiple_of)
    if trained.settings.task == "seq2seq":
        return generate_signatures(trained, pad_to_multiple_of)
    return classifier_signatures(trained, pad_to_multiple_of)


def method_names(settings: ModelSettings, signatures: Iterable[str]) -> dict[str, str]:
    """Returns the method of each signature that is not for Predict."""
    plain = {signature: asked_task(settings, signature)[1] for signature in signatures}
    return {name: _METHOD_NAMES[kind] for name, kind in plain.items() if kind in _METHOD_NAMES}
