"""The signatures of a model of several tasks, and which task each of them asks."""

import tensorflow as tf

from keras_bert_cls.export.classifier_signatures import classifier_signatures
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.predictions import task_signature

_ENDS = ("classify", "regress")


def multitask_signatures(
    trained: TrainedModel, pad_to_multiple_of: int
) -> dict[str, tf.types.experimental.PolymorphicFunction]:
    """Makes the signatures of every task, all of them on the one encoder.

    For each task: TASK, what `serving_default` is for a model of that task alone, and TASK_classify
    or TASK_regress; see `classifier_signatures`. The first task has all of its signatures under
    their plain names too: clients that know nothing of tasks ask it.
    """
    signatures: dict[str, tf.types.experimental.PolymorphicFunction] = {}
    for name in trained.settings.tasks:
        own = classifier_signatures(trained.of_task(name), pad_to_multiple_of)
        first = not signatures
        for plain, function in own.items():
            if plain in ("serving_default", *_ENDS):
                signatures[task_signature(name, plain)] = function
            if first:
                signatures[plain] = function
    return signatures


def asked_task(settings: ModelSettings, signature: str) -> tuple[str | None, str]:
    """Returns which task a signature asks, None for a model of one, and its plain name."""
    if not settings.tasks:
        return None, signature
    for task in settings.tasks:
        for plain in ("serving_default", *_ENDS):
            if signature == task_signature(task, plain):
                return task, plain
    return next(iter(settings.tasks)), signature
