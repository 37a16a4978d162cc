"""Fine-tunes MiniLM to tell the emotions of a comment (GoEmotions, 28 labels, several a text).

bertcls-import --source MINILM_FOLDER --output runs/minilm
python -m benchmarks.real_data --source ../shared/data --only goemotions
bertcls-finetune --config configs/goemotions_finetune.py --workdir runs/goemotions
bertcls-calibrate --workdir runs/goemotions --data runs/data/goemotions/dev.tsv
bertcls-evaluate --workdir runs/goemotions --data runs/data/goemotions/test.tsv
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import FinetuneConfig, OptimizerConfig, TrainConfig

_DATA = "runs/data/goemotions"


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        init_from="runs/minilm",
        data=ClassificationData(
            task="multi_label",
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            text_column="text",
            label_column="label",
            max_length=50,
        ),
        optimizer=OptimizerConfig(learning_rate=2e-4),
        train=TrainConfig(epochs=2, batch_size=64, metric="micro_f1"),
    )
