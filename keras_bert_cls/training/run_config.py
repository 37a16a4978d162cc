"""The configs that a run can have. Imports no TensorFlow."""

from keras_bert_cls.training.config import FinetuneConfig, PretrainConfig, Seq2SeqConfig
from keras_bert_cls.training.multitask_config import MultiTaskConfig

RunConfig = PretrainConfig | FinetuneConfig | Seq2SeqConfig | MultiTaskConfig
