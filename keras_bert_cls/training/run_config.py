"""The configs that a run can have. Imports no TensorFlow."""

from keras_bert_cls.training.config import FinetuneConfig, PretrainConfig, Seq2SeqConfig
from keras_bert_cls.training.multitask_config import MultiTaskConfig

RunConfig = PretrainConfig | FinetuneConfig | Seq2SeqConfig | MultiTaskConfig


def sequence_lengths(config: RunConfig) -> dict[str, int]:
    """Returns how many positions a run needs of its encoder, by the field that says it."""
    if isinstance(config, FinetuneConfig) and config.documents.window_length:
        return {"documents.window_length": config.documents.window_length}
    return {f"{name}.max_length": data.max_length for name, data in config.data_parts.items()}


def config_of_task(config: RunConfig | None, task: str | None) -> RunConfig | None:
    """Returns the run that would learn one task of a run alone.

    Args:
      config: a run's; None if there is none.
      task: one of its tasks; None for a run that has no tasks to choose from.
    """
    if isinstance(config, MultiTaskConfig):
        return next((config.alone(each) for each in config.tasks if each.name == task), None)
    return config
