"""Fine-tunes MiniLM to tell negative < neutral < positive posts (GoEmotions, levels in order).

bertcls-import --source MINILM_FOLDER --output runs/minilm
python -m benchmarks.real_data --source ../shared/data --only goemotions_polarity
bertcls-finetune --config configs/goemotions_polarity_finetune.py --workdir runs/polarity
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import (
    FinetuneConfig,
    HeadConfig,
    OptimizerConfig,
    TrainConfig,
)

_DATA = "runs/data/goemotions_polarity"


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        init_from="runs/minilm",
        data=ClassificationData(
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            text_column="text",
            label_column="label",
            labels_file=f"{_DATA}/labels.txt",
            ordered_labels=True,
            max_length=48,
        ),
        head=HeadConfig(kind="ordinal"),
        optimizer=OptimizerConfig(learning_rate=1e-4),
        train=TrainConfig(epochs=1, batch_size=32, metric="quadratic_kappa"),
    )
