"""Learns 100,000 labels with an adaptive softmax; the right answer follows from two words.

python -m benchmarks.many_labels --output runs/data/many_labels
bertcls-finetune --config configs/huge_labels_finetune.py --workdir runs/huge_labels

68.8 % of the test rows, in 6.7 minutes on 2 busy cores; see docs/adaptive_softmax.md.
"""

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.training.config import (
    FinetuneConfig,
    HeadConfig,
    OptimizerConfig,
    TokenizerConfig,
    TrainConfig,
)

_DATA = "runs/data/many_labels"


def get_config() -> FinetuneConfig:
    return FinetuneConfig(
        tokenizer=TokenizerConfig(vocabulary=f"{_DATA}/vocab.txt"),
        data=ClassificationData(
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            labels_file=f"{_DATA}/labels.txt",
            text_column="text",
            label_column="label",
            max_length=12,
        ),
        encoder=EncoderConfig(
            hidden_dim=128,
            num_layers=2,
            num_heads=2,
            intermediate_dim=256,
            max_sequence_length=12,
            dropout=0.0,
            attention_dropout=0.0,
        ),
        head=HeadConfig(kind="adaptive", dropout=0.0),
        optimizer=OptimizerConfig(learning_rate=2e-3),
        train=TrainConfig(steps=2500, batch_size=256, steps_per_call=50, eval_every=1250),
    )
