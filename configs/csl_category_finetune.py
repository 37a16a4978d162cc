"""Fine-tunes a Chinese encoder to sort papers by their titles (CSL, 13 classes).

The encoder is one in Hugging Face's format, as benchmarks/peers/transformers_pretrain.py makes it.

bertcls-import --source ENCODER_FOLDER --output runs/zh_encoder
python -m benchmarks.real_data --source ../shared/data --only csl_category
bertcls-finetune --config configs/csl_category_finetune.py --workdir runs/csl_category
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import FinetuneConfig, OptimizerConfig, TrainConfig

_DATA = "runs/data/csl_category"


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        init_from="runs/zh_encoder",
        data=ClassificationData(
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            text_column="text",
            label_column="label",
            max_length=48,
        ),
        optimizer=OptimizerConfig(learning_rate=2e-4),
        train=TrainConfig(epochs=3, batch_size=32, precision="mixed_bfloat16"),
    )
