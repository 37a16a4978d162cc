"""Fine-tunes MiniLM to recognise 150 intents in 10 domains, as paths DOMAIN/INTENT (CLINC150).

bertcls-import --source MINILM_FOLDER --output runs/minilm
python -m benchmarks.real_data --source ../shared/data --only clinc150_domains
bertcls-finetune --config configs/clinc150_domains_finetune.py --workdir runs/clinc150_domains
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import (
    FinetuneConfig,
    HeadConfig,
    OptimizerConfig,
    TrainConfig,
)

_DATA = "runs/data/clinc150_domains"


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        init_from="runs/minilm",
        data=ClassificationData(
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            text_column="text",
            label_column="label",
            label_path_separator="/",
            max_length=48,
        ),
        head=HeadConfig(kind="hierarchical"),
        optimizer=OptimizerConfig(learning_rate=2e-4),
        train=TrainConfig(epochs=3, batch_size=64),
    )
