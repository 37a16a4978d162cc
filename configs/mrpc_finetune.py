"""Fine-tunes MiniLM to tell paraphrases (MRPC, text pairs).

bertcls-import --source MINILM_FOLDER --output runs/minilm
python -m benchmarks.real_data --source ../shared/data --only mrpc
bertcls-finetune --config configs/mrpc_finetune.py --workdir runs/mrpc
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import FinetuneConfig, OptimizerConfig, TrainConfig

_DATA = "runs/data/mrpc"


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        init_from="runs/minilm",
        data=ClassificationData(
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            text_column="text",
            text_pair_column="text_pair",
            label_column="label",
            max_length=128,
        ),
        optimizer=OptimizerConfig(learning_rate=5e-5),
        train=TrainConfig(epochs=3, batch_size=32),
    )
