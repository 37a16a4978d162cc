"""Fine-tunes MiniLM to tell what a question asks for, along the tree COARSE:fine (TREC, 50 leaves).

bertcls-import --source MINILM_FOLDER --output runs/minilm
python -m benchmarks.real_data --source ../shared/data --only trec_fine
bertcls-finetune --config configs/trec_fine_finetune.py --workdir runs/trec_fine
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import (
    FinetuneConfig,
    HeadConfig,
    OptimizerConfig,
    TrainConfig,
)

_DATA = "runs/data/trec_fine"


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        init_from="runs/minilm",
        data=ClassificationData(
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            text_column="text",
            label_column="label",
            label_path_separator=":",
            max_length=48,
        ),
        head=HeadConfig(kind="hierarchical"),
        optimizer=OptimizerConfig(learning_rate=2e-4),
        train=TrainConfig(epochs=4, batch_size=32),
    )
