"""Fine-tunes a Chinese encoder to judge short posts (Weibo, 2 classes).

The encoder is one in Hugging Face's format, as benchmarks/peers/transformers_pretrain.py makes it.

bertcls-import --source ENCODER_FOLDER --output runs/zh_encoder
python -m benchmarks.real_data --source ../shared/data --only weibo
bertcls-finetune --config configs/weibo_finetune.py --workdir runs/weibo
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import FinetuneConfig, OptimizerConfig, TrainConfig

_DATA = "runs/data/weibo"


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        init_from="runs/zh_encoder",
        data=ClassificationData(
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            text_column="text",
            label_column="label",
            max_length=96,
        ),
        optimizer=OptimizerConfig(learning_rate=1e-4),
        train=TrainConfig(epochs=1, batch_size=32, precision="mixed_bfloat16"),
    )
