"""Pretrains a small Chinese encoder (8 M parameters) on short news texts, labels unseen.

bertcls-pretrain --config configs/thucnews_pretrain.py --workdir runs/thucnews_pretrain
"""

from keras_bert_cls.data.config import MaskingConfig, PretrainingData
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.training.config import (
    OptimizerConfig,
    PretrainConfig,
    TokenizerConfig,
    TrainConfig,
)

_DATA = "../shared/data"


def get_config() -> PretrainConfig:
    return PretrainConfig(
        tokenizer=TokenizerConfig(vocabulary=f"{_DATA}/vocab/bert-base-chinese-vocab.txt"),
        data=PretrainingData(
            files=(
                f"{_DATA}/thucnews_titles/train_first33590.txt.xz",
                f"{_DATA}/thucnews_titles/extra_train.txt.xz",
                f"{_DATA}/pretrain_zh_misc/fewclue_csl_unlabeled.txt.xz",
            ),
            file_format="tsv",
            text_column="0",
            max_length=96,
        ),
        # No dropout: few tokens are seen often enough to be learned by heart.
        encoder=EncoderConfig(
            hidden_dim=256,
            num_layers=3,
            num_heads=4,
            intermediate_dim=1024,
            max_sequence_length=128,
            dropout=0.0,
            attention_dropout=0.0,
        ),
        masking=MaskingConfig(rate=0.2),
        optimizer=OptimizerConfig(learning_rate=1e-3, warmup_share=0.05),
        train=TrainConfig(
            steps=3500,
            batch_size=128,
            max_tokens_per_batch=4096,
            precision="mixed_bfloat16",
            checkpoint_every=250,
        ),
    )
