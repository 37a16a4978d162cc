"""Fine-tunes a classifier of THUCNews titles (10 classes).

bertcls-finetune --config configs/thucnews_finetune.py --workdir runs/thucnews
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import (
    FinetuneConfig,
    HeadConfig,
    OptimizerConfig,
    TrainConfig,
)

_DATA = "../shared/data/thucnews_titles"


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        init_from="runs/thucnews_pretrain",
        data=ClassificationData(
            train_files=(f"{_DATA}/train_first33590.txt.xz", f"{_DATA}/extra_train.txt.xz"),
            dev_files=(f"{_DATA}/dev.txt.xz",),
            test_files=(f"{_DATA}/test.txt.xz",),
            file_format="tsv",
            text_column="0",
            label_column="1",
            max_length=64,
            drop_held_out_texts=True,
        ),
        head=HeadConfig(dropout=0.2, label_smoothing=0.1),
        optimizer=OptimizerConfig(learning_rate=5e-4, layer_decay=0.9),
        train=TrainConfig(epochs=3, batch_size=128, checkpoint_every=200),
    )
