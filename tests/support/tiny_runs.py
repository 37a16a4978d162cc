"""Runs that take seconds: files of made-up texts, and configs for them."""

import dataclasses
import pathlib

import numpy as np

from keras_bert_cls.data.config import ClassificationData, MaskingConfig, PretrainingData
from keras_bert_cls.data.seq2seq_config import Seq2SeqData
from keras_bert_cls.data.task_sampling import SamplingConfig
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.decoder_config import DecoderConfig, GenerationConfig
from keras_bert_cls.modeling.document_config import DocumentConfig
from keras_bert_cls.training.adaptive_config import AdaptiveConfig
from keras_bert_cls.training.aids_config import AidsConfig
from keras_bert_cls.training.classes_config import ClassesConfig
from keras_bert_cls.training.config import (
    FinetuneConfig,
    HeadConfig,
    OptimizerConfig,
    PretrainConfig,
    Seq2SeqConfig,
    TokenizerConfig,
    TrainConfig,
)
from keras_bert_cls.training.distillation_config import DistillationConfig
from keras_bert_cls.training.multitask_config import (
    AuxiliaryMaskedLM,
    MultiTaskConfig,
    TaskConfig,
)
from keras_bert_cls.training.run_config import RunConfig

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = {
    "good": ("great", "fine", "lovely", "好"),
    "bad": ("awful", "poor", "差"),
    "so": ("average", "plain", "般"),
}
FILLERS = ("the", "film", "was", "a", "long", "one", "看", "电", "影")
LABELS = tuple(sorted(WORDS))
VOCABULARY = (*SPECIAL_TOKENS, *FILLERS, *(word for words in WORDS.values() for word in words))

_CLASSES = (
    AuxiliaryMaskedLM,
    AdaptiveConfig,
    AidsConfig,
    ClassesConfig,
    ClassificationData,
    DistillationConfig,
    DecoderConfig,
    DocumentConfig,
    EncoderConfig,
    FinetuneConfig,
    GenerationConfig,
    HeadConfig,
    MaskingConfig,
    MultiTaskConfig,
    OptimizerConfig,
    PretrainConfig,
    PretrainingData,
    SamplingConfig,
    Seq2SeqConfig,
    Seq2SeqData,
    TaskConfig,
    TokenizerConfig,
    TrainConfig,
)


def write_files(folder: pathlib.Path, rows: int = 45) -> None:
    """Writes vocab.txt, train/dev/test.tsv (text, second text, label, labels, value), prose.txt."""
    random = np.random.default_rng(7)

    def text(label: str) -> str:
        words = [*random.choice(FILLERS, random.integers(1, 14)), random.choice(WORDS[label])]
        return " ".join(random.permutation(words))

    def line() -> str:
        label, other = random.choice(LABELS), random.choice(LABELS)
        words = text(label)
        several = sorted({str(label)} | ({"so"} if "film" in words else set()))
        value = LABELS.index(label) + random.normal(0, 0.1)
        return f"{words}\t{text(other)}\t{label}\t{','.join(several)}\t{value:.3f}\n"

    header = "text\tother\tlabel\tlabels\tvalue\n"
    for split, count in (("train", rows), ("dev", 17), ("test", 13)):
        content = header + "".join(line() for _ in range(count))
        (folder / f"{split}.tsv").write_text(content, encoding="utf-8")
    documents = ["".join(f"{text(label)}\n" for label in LABELS * 2) for _ in range(9)]
    (folder / "prose.txt").write_text("\n".join(documents), encoding="utf-8")
    (folder / "vocab.txt").write_text("".join(f"{t}\n" for t in VOCABULARY), encoding="utf-8")


def tiny_encoder(**settings) -> EncoderConfig:
    """Returns an encoder of two blocks; with dropout 0.1, as is the default."""
    sizes = {"hidden_dim": 8, "num_layers": 2, "num_heads": 2, "intermediate_dim": 16}
    return EncoderConfig(**{**sizes, "max_sequence_length": 24, **settings})


def finetune_config(folder: pathlib.Path, **fields) -> FinetuneConfig:
    """Returns a config for the files in `folder`.

    Args:
      folder: where `write_files` wrote.
      **fields: values by "PART_FIELD", such as train_steps=3, or of a field of the config itself.
    """
    config = FinetuneConfig(
        seed=3,
        tokenizer=TokenizerConfig(vocabulary=f"{folder}/vocab.txt"),
        data=ClassificationData(
            train_files=(f"{folder}/train.tsv",),
            dev_files=(f"{folder}/dev.tsv",),
            test_files=(f"{folder}/test.tsv",),
            text_column="text",
            label_column="label",
            max_length=16,
        ),
        encoder=tiny_encoder(),
        optimizer=OptimizerConfig(learning_rate=1e-2),
        train=TrainConfig(
            steps=12, batch_size=8, steps_per_call=3, log_every=4, eval_every=5, checkpoint_every=4
        ),
    )
    return with_fields(config, **fields)


def pretrain_config(folder: pathlib.Path, **fields) -> PretrainConfig:
    """Returns a config for the prose in `folder`; see `finetune_config`."""
    config = PretrainConfig(
        seed=3,
        tokenizer=TokenizerConfig(vocabulary=f"{folder}/vocab.txt"),
        data=PretrainingData(files=(f"{folder}/prose.txt",), max_length=16),
        encoder=tiny_encoder(),
        optimizer=OptimizerConfig(learning_rate=1e-2),
        train=TrainConfig(
            steps=12, batch_size=8, steps_per_call=3, log_every=4, eval_every=5, checkpoint_every=4
        ),
    )
    return with_fields(config, **fields)


def with_fields(config, **fields):
    """Returns a config with other values; see `finetune_config`."""
    own = {field.name for field in dataclasses.fields(config)}
    for name, value in fields.items():
        if name not in own:
            part, _, field = name.partition("_")
            value = dataclasses.replace(getattr(config, part), **{field: value})
            name = part
        config = dataclasses.replace(config, **{name: value})
    return config


def write_config(path: pathlib.Path, config: RunConfig) -> pathlib.Path:
    """Writes a config file that gives `config`."""
    imports = "".join(f"from {c.__module__} import {c.__name__}\n" for c in _CLASSES)
    path.write_text(f"{imports}\n\ndef get_config():\n    return {config!r}\n", encoding="utf-8")
    return path
