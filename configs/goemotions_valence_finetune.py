"""Fine-tunes MiniLM to give a post a number, from -1 (bad) to 1 (good) (GoEmotions, regression).

bertcls-import --source MINILM_FOLDER --output runs/minilm
python -m benchmarks.real_data --source ../shared/data --only goemotions_valence
bertcls-finetune --config configs/goemotions_valence_finetune.py --workdir runs/valence
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import FinetuneConfig, OptimizerConfig, TrainConfig

_DATA = "runs/data/goemotions_valence"


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        init_from="runs/minilm",
        data=ClassificationData(
            task="regression",
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            text_column="text",
            label_column="label",
            max_length=48,
        ),
        optimizer=OptimizerConfig(learning_rate=1e-4),
        train=TrainConfig(epochs=1, batch_size=32, metric="pearson"),
    )
