"""Learns to write the letters of a text in reverse order: at least 99 % of the outputs are right.

python -m benchmarks.reverse_pairs --output runs/data/reverse
bertcls-seq2seq --config configs/seq2seq_reverse.py --workdir runs/reverse
"""

from keras_bert_cls.data.seq2seq_config import Seq2SeqData
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.decoder_config import DecoderConfig
from keras_bert_cls.training.config import (
    OptimizerConfig,
    Seq2SeqConfig,
    TokenizerConfig,
    TrainConfig,
)

_DATA = "runs/data/reverse"


def get_config() -> Seq2SeqConfig:
    return Seq2SeqConfig(
        tokenizer=TokenizerConfig(vocabulary=f"{_DATA}/vocab.txt"),
        data=Seq2SeqData(
            train_files=(f"{_DATA}/train.tsv",),
            dev_files=(f"{_DATA}/dev.tsv",),
            test_files=(f"{_DATA}/test.tsv",),
            text_column="text",
            target_column="target",
            max_length=16,
            max_target_length=16,
        ),
        encoder=EncoderConfig(
            hidden_dim=64,
            num_layers=2,
            num_heads=4,
            intermediate_dim=128,
            max_sequence_length=16,
            dropout=0.0,
            attention_dropout=0.0,
            initializer_stddev=0.1,
        ),
        decoder=DecoderConfig(
            num_layers=2,
            num_heads=4,
            intermediate_dim=128,
            max_length=16,
            norm="pre",
            dropout=0.0,
            attention_dropout=0.0,
        ),
        label_smoothing=0.0,
        optimizer=OptimizerConfig(learning_rate=2e-3),
        train=TrainConfig(steps=1500, batch_size=128, steps_per_call=50, eval_every=250),
    )
