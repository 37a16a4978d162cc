"""Learns to write the headlines of Chinese broadcast news (11,000 items), from random weights.

benchmarks/seq2seq_quality.py says how its files are made, and scores the model.

bertcls-seq2seq --config configs/zh_headlines_seq2seq.py --workdir runs/zh_headlines
"""

from keras_bert_cls.data.seq2seq_config import Seq2SeqData
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.decoder_config import DecoderConfig, GenerationConfig
from keras_bert_cls.training.config import (
    OptimizerConfig,
    Seq2SeqConfig,
    TokenizerConfig,
    TrainConfig,
)

_DATA = "runs/data/zh_headlines"


def get_config() -> Seq2SeqConfig:
    return Seq2SeqConfig(
        tokenizer=TokenizerConfig(vocabulary=f"{_DATA}/vocab.txt"),
        data=Seq2SeqData(
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            text_column="text",
            target_column="target",
            max_length=128,
            max_target_length=40,
            drop_held_out_texts=True,
        ),
        encoder=EncoderConfig(
            hidden_dim=256,
            num_layers=3,
            num_heads=4,
            intermediate_dim=1024,
            max_sequence_length=128,
        ),
        decoder=DecoderConfig(num_layers=2, max_length=40, norm="pre", dropout=0.2),
        generation=GenerationConfig(method="beam"),
        optimizer=OptimizerConfig(learning_rate=5e-4),
        train=TrainConfig(epochs=12, batch_size=32, checkpoint_every=200),
    )
