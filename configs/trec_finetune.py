"""Fine-tunes MiniLM to tell what a question asks for (TREC, 6 classes).

bertcls-import --source MINILM_FOLDER --output runs/minilm
python -m benchmarks.real_data --source ../shared/data --only trec
bertcls-finetune --config configs/trec_finetune.py --workdir runs/trec
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import FinetuneConfig, OptimizerConfig, TrainConfig

_DATA = "runs/data/trec"


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
        optimizer=OptimizerConfig(learning_rate=1e-4),
        train=TrainConfig(epochs=3, batch_size=32),
    )
