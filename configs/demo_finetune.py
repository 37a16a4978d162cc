"""Fine-tunes the demo's encoder to tell positive, negative and neutral posts apart.

bertcls-finetune --config configs/demo_finetune.py --workdir runs/demo/finetune
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.training.config import (
    FinetuneConfig,
    HeadConfig,
    OptimizerConfig,
    TrainConfig,
)


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        init_from="runs/demo/pretrain",
        data=ClassificationData(
            train_files=("demo/corpus/train.tsv",),
            dev_files=("demo/corpus/dev.tsv",),
            test_files=("demo/corpus/test.tsv",),
            text_column="text",
            label_column="label",
            max_length=64,
        ),
        # Few rows: much dropout keeps the model from learning them by heart.
        encoder=EncoderConfig(dropout=0.4),
        head=HeadConfig(dropout=0.5, label_smoothing=0.1),
        optimizer=OptimizerConfig(learning_rate=3e-4),
        train=TrainConfig(epochs=20, batch_size=16, log_every=50, checkpoint_every=2000),
    )
