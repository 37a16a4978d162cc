"""Pretrains a tiny encoder on the demo's prose and on the texts of its training rows.

  bertcls-vocab --input demo/corpus/prose_zh.txt --input demo/corpus/prose_en.txt \\
      --input demo/corpus/train.tsv --text_column text --size 4000 --output runs/demo/vocab.txt
  bertcls-pretrain --config configs/demo_pretrain.py --workdir runs/demo/pretrain
"""

from keras_bert_cls.data.config import PretrainingData
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.training.config import (
    OptimizerConfig,
    PretrainConfig,
    TokenizerConfig,
    TrainConfig,
)


def get_config() -> PretrainConfig:
    return PretrainConfig(
        tokenizer=TokenizerConfig(vocabulary="runs/demo/vocab.txt"),
        data=PretrainingData(
            files=("demo/corpus/prose_zh.txt", "demo/corpus/prose_en.txt", "demo/corpus/train.tsv"),
            text_column="text",
            max_length=64,
        ),
        encoder=EncoderConfig(
            hidden_dim=128,
            num_layers=1,
            num_heads=4,
            intermediate_dim=256,
            max_sequence_length=64,
            dropout=0.2,
        ),
        optimizer=OptimizerConfig(learning_rate=2e-3),
        train=TrainConfig(steps=1000, batch_size=64, max_tokens_per_batch=2048, log_every=100),
    )
