"""Sequence-to-sequence runs that take seconds: texts, and the same words in reverse."""

import pathlib

import numpy as np
from tiny_runs import FILLERS, tiny_encoder, with_fields, write_files

from keras_bert_cls.data.seq2seq_config import Seq2SeqData
from keras_bert_cls.modeling.decoder_config import DecoderConfig
from keras_bert_cls.training.config import (
    OptimizerConfig,
    Seq2SeqConfig,
    TokenizerConfig,
    TrainConfig,
)


def write_pairs(folder: pathlib.Path, rows: int = 45) -> None:
    """Writes vocab.txt and pairs-train/dev/test.tsv (text, target) into `folder`."""
    write_files(folder)
    random = np.random.default_rng(8)

    def line() -> str:
        words = random.choice(FILLERS, random.integers(1, 9)).tolist()
        return f"{' '.join(words)}\t{' '.join(words[::-1])}\n"

    for split, count in (("train", rows), ("dev", 11), ("test", 7)):
        content = "text\ttarget\n" + "".join(line() for _ in range(count))
        (folder / f"pairs-{split}.tsv").write_text(content, encoding="utf-8")


def seq2seq_config(folder: pathlib.Path, **fields) -> Seq2SeqConfig:
    """Returns a config for the pairs in `folder`; see `finetune_config`."""
    config = Seq2SeqConfig(
        seed=3,
        tokenizer=TokenizerConfig(vocabulary=f"{folder}/vocab.txt"),
        data=Seq2SeqData(
            train_files=(f"{folder}/pairs-train.tsv",),
            dev_files=(f"{folder}/pairs-dev.tsv",),
            test_files=(f"{folder}/pairs-test.tsv",),
            text_column="text",
            target_column="target",
            max_length=16,
            max_target_length=10,
        ),
        encoder=tiny_encoder(),
        decoder=DecoderConfig(num_layers=1, num_heads=2, intermediate_dim=16, max_length=10),
        optimizer=OptimizerConfig(learning_rate=1e-2),
        train=TrainConfig(
            steps=12, batch_size=8, steps_per_call=3, log_every=4, eval_every=5, checkpoint_every=4
        ),
    )
    return with_fields(config, **fields)
