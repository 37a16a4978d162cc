"""Tokenizes Chinese text for benchmarks.peers.transformers_pretrain: one array of token ids.

    python -m benchmarks.real_data --source ../shared/data
    python -m benchmarks.pretraining_tokens --source ../shared/data --output runs/zh_tokens.npy.xz

The text is that of pretrain_zh_* and the texts of the training rows of the Chinese labelled sets,
their labels unseen; what stands in dev or test of one of them is left out. Documents follow each
other with [SEP] between. Ids fit uint16. Pretraining starts at once then, where minutes are dear.
"""

import hashlib
import itertools
import lzma
import pathlib
from collections.abc import Iterator

import numpy as np
import tokenizers
from absl import flags
from tqdm import tqdm

from benchmarks.real_data import source_lines
from keras_bert_cls.cli.program import Program

program = Program("benchmarks.pretraining_tokens", __doc__)
_SOURCE = flags.DEFINE_string(
    "source", "../shared/data", "The folder of the data sets.", flag_values=program.flags
)
_DATA = flags.DEFINE_string(
    "data", "runs/data", "The output of benchmarks.real_data.", flag_values=program.flags
)
_OUTPUT = flags.DEFINE_string(
    "output", "runs/zh_tokens.npy.xz", "The file of the tokens.", flag_values=program.flags
)

_VOCABULARY = "vocab/bert-base-chinese-vocab.txt"
_DOCUMENTS = (  # blank lines lie between them
    "pretrain_zh_wiki/zhwiki_part_simplified.txt.xz",
    "pretrain_zh_news/xinwenlianbo.txt.xz",
)
_LINES = ("pretrain_zh_misc/fewclue_csl_unlabeled.txt.xz",)  # a document each
_LABELLED = ("chnsenticorp", "weibo", "csl_category")
_TITLES = ("train_first33590", "extra_train")
_CHUNK = 4096


def documents(source: pathlib.Path, data: pathlib.Path) -> Iterator[str]:
    """Yields the documents; texts of labelled rows come last."""
    for name in _DOCUMENTS:
        lines: list[str] = []
        for line in source_lines(source / name, keep_blank=True):
            if line.strip():
                lines.append(line)
            elif lines:
                yield "\n".join(lines)
                lines = []
        if lines:
            yield "\n".join(lines)
    for name in _LINES:
        yield from source_lines(source / name)
    yield from _labelled_texts(source / "thucnews_titles", data)


def _labelled_texts(titles: pathlib.Path, data: pathlib.Path) -> Iterator[str]:
    """Yields the texts of training rows that stand in no dev or test split."""

    def of_titles(name: str) -> list[str]:
        return [line.split("\t")[0] for line in source_lines(titles / f"{name}.txt.xz")]

    def of_rows(name: str, split: str) -> list[str]:
        rows = list(source_lines(data / name / f"{split}.tsv"))[1:]
        return [row.split("\t")[0] for row in rows]

    held_out = {_key(text) for split in ("dev", "test") for text in of_titles(split)}
    for name, split in itertools.product(_LABELLED, ("dev", "test")):
        held_out |= {_key(text) for text in of_rows(name, split)}
    rows = [of_titles(name) for name in _TITLES] + [of_rows(name, "train") for name in _LABELLED]
    for text in itertools.chain.from_iterable(rows):
        if _key(text) not in held_out:
            held_out.add(_key(text))  # once is enough
            yield text


def _key(text: str) -> bytes:
    return hashlib.sha256("".join(text.split()).lower().encode()).digest()


def bert_tokenizer(vocabulary: pathlib.Path) -> tokenizers.Tokenizer:
    """Returns Google's uncased tokenizer, without special tokens around a text."""
    tokens = vocabulary.read_text(encoding="utf-8").rstrip("\n").split("\n")
    ids = {token: number for number, token in enumerate(tokens)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _run(_: list[str]) -> None:
    source, output = pathlib.Path(_SOURCE.value), pathlib.Path(_OUTPUT.value)
    tokenizer = bert_tokenizer(source / _VOCABULARY)
    between = [tokenizer.token_to_id("[SEP]")]
    parts, count = [], 0
    texts = iter(
        tqdm(documents(source, pathlib.Path(_DATA.value)), unit=" documents", disable=None)
    )
    while chunk := list(itertools.islice(texts, _CHUNK)):
        encodings = tokenizer.encode_batch_fast(chunk, add_special_tokens=False)
        parts += [np.array(encoding.ids + between, np.uint16) for encoding in encodings]
        count += len(chunk)
    ids = np.concatenate(parts)
    output.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(output, "wb", preset=6) as stream:
        np.save(stream, ids)
    print(f"{count:,} documents, {len(ids):,} tokens, {output.stat().st_size:,} bytes")


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
