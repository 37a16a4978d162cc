"""The run that benchmarks.training_aids changes: CLINC150 with a long tail, 600 updates."""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import FinetuneConfig, OptimizerConfig, TrainConfig


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        data=ClassificationData(text_column="text", label_column="label", max_length=32),
        optimizer=OptimizerConfig(learning_rate=5e-4),
        train=TrainConfig(
            steps=600,
            batch_size=32,
            log_every=50,
            eval_every=150,
            checkpoint_every=600,
            metric="macro_f1",
        ),
    )
