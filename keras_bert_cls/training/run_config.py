"""The configs that a run can have. Imports no TensorFlow."""

from keras_bert_cls.training.config import FinetuneConfig, PretrainConfig, Seq2SeqConfig
from keras_bert_cls.training.multitask_config import MultiTaskConfig

RunConfig = PretrainConfig | FinetuneConfig | Seq2SeqConfig | MultiTaskConfig


def sequence_lengths(config: RunConfig) -> dict[str, int]:
    """Returns how many positions a run needs of its encoder, by the field that says it."""
    if isinstance(config, FinetuneConfig) and config.documents.window_length:
        return {"documents.window_length": config.documents.window_length}
    return {f"{name}.max_length": data.max_length for name, data in config.data_parts.items()}
