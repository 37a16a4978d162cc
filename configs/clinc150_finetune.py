"""Fine-tunes MiniLM to recognise 150 intents (CLINC150; out-of-scope requests are scored apart).

bertcls-import --source MINILM_FOLDER --output runs/minilm
python -m benchmarks.real_data --source ../shared/data --only clinc150
bertcls-finetune --config configs/clinc150_finetune.py --workdir runs/clinc150
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import FinetuneConfig, OptimizerConfig, TrainConfig

_DATA = "runs/data/clinc150"


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        init_from="runs/minilm",
        data=ClassificationData(
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            text_column="text",
            label_column="label",
            max_length=48,
        ),
        optimizer=OptimizerConfig(learning_rate=2e-4),
        train=TrainConfig(epochs=3, batch_size=64),
    )
