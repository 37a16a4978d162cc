"""Fine-tunes MiniLM to sort news (AG News, 4 classes).

bertcls-import --source MINILM_FOLDER --output runs/minilm
python -m benchmarks.real_data --source ../shared/data --only ag_news
bertcls-finetune --config configs/ag_news_finetune.py --workdir runs/ag_news
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import FinetuneConfig, OptimizerConfig, TrainConfig

_DATA = "runs/data/ag_news"


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        init_from="runs/minilm",
        data=ClassificationData(
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            text_column="text",
            label_column="label",
            max_length=96,
        ),
        optimizer=OptimizerConfig(learning_rate=5e-5),
        train=TrainConfig(epochs=1, batch_size=32),
    )
