"""Our tokenizer beside Hugging Face's Rust one: rows per second of one core, and equal ids.

  python -m benchmarks.tokenization --source ../shared/data

Each data set's rows go through both in turn, on one thread, in batches as they stand. Without
--source the rows are those of demo/corpus, and the vocabulary is learned from them. Prints a table
and, as the last line, JSON.
"""

import json
import lzma
import os
import pathlib
import statistics
import tempfile
from collections.abc import Iterator

from absl import flags

from benchmarks.demo_runs import CORPUS, learn_vocabulary
from benchmarks.interleaved import interleave, ratio
from keras_bert_cls.cli.program import Program

program = Program("benchmarks.tokenization", __doc__)
_SOURCE = flags.DEFINE_string("source", None, "The data sets' folder.", flag_values=program.flags)
_ROWS = flags.DEFINE_integer("rows", 4000, "Rows of each set.", 1, flag_values=program.flags)
_BATCH_SIZES = flags.DEFINE_list(
    "batch_sizes", ["1", "32", "1000"], "Rows at once.", flag_values=program.flags
)

_ZH, _EN = "bert-base-chinese-vocab.txt", "bert-base-uncased-vocab.txt"
_SETS = {
    "short zh (THUCNews titles)": ("thucnews_titles/test.txt.xz", _ZH),
    "long zh (news items)": ("pretrain_zh_news/xinwenlianbo.txt.xz", _ZH),
    "short en (SST-2)": ("sst2/train.tsv.xz", _EN),
    "long en (Simple Wikipedia)": ("pretrain_en_wiki/simplewiki_part.txt.xz", _EN),
}


def _sets(folder: pathlib.Path) -> Iterator[tuple[str, list[str], pathlib.Path]]:
    """Yields name, rows and vocabulary."""
    if _SOURCE.value is None:
        vocabulary = folder / "vocab.txt"
        learn_vocabulary(vocabulary)
        for name in CORPUS:
            yield name, _lines(pathlib.Path("demo/corpus") / name), vocabulary
        return
    source = pathlib.Path(_SOURCE.value)
    for name, (file, vocabulary_name) in _SETS.items():
        yield name, _lines(source / file), source / "vocab" / vocabulary_name


def _lines(path: pathlib.Path) -> list[str]:
    content = path.read_bytes()
    text = (lzma.decompress(content) if path.suffix == ".xz" else content).decode()
    rows = (line.partition("\t")[0].strip() for line in text.split("\n"))
    return [row for row in rows if row][: _ROWS.value]


def _measure(name: str, rows: list[str], vocabulary: pathlib.Path) -> Iterator[dict]:
    import tensorflow as tf
    import tokenizers

    from keras_bert_cls.text.tokenizer import Tokenizer

    ours = tf.function(
        Tokenizer.from_vocab(vocabulary, lowercase=True).tokenize,
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    theirs = tokenizers.BertWordPieceTokenizer(str(vocabulary), lowercase=True)
    their_ids = [row.ids for row in theirs.encode_batch(rows, add_special_tokens=False)]
    our_ids = ours(tf.constant(rows)).to_list()
    equal = statistics.fmean(a == b for a, b in zip(our_ids, their_ids, strict=True))
    for size in map(int, _BATCH_SIZES.value):
        batches = [rows[start : start + size] for start in range(0, len(rows), size)]
        batches = batches[: max(1, 1000 // size) if size < 1000 else None]
        tensors = [tf.constant(batch) for batch in batches]
        seconds = interleave(
            {
                "ours": lambda tensors=tensors: [ours(batch) for batch in tensors],
                "theirs": lambda batches=batches: [
                    theirs.encode_batch(batch, add_special_tokens=False) for batch in batches
                ],
            }
        )
        compared = ratio(seconds["theirs"], seconds["ours"])
        count = sum(map(len, batches))
        yield {
            "rows": name,
            "characters": round(statistics.fmean(map(len, rows))),
            "batch": size,
            "ours_rows_per_second": count / statistics.median(seconds["ours"]),
            "theirs_rows_per_second": count / statistics.median(seconds["theirs"]),
            "ratio": [compared.low, compared.median, compared.high],
            "equal_rows": equal,
        }


def _run(_: list[str]) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["RAYON_NUM_THREADS"] = "1"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    found = []
    print("| rows | characters | batch | ours, rows/s | theirs | ours / theirs | equal rows |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, rows, vocabulary in _sets(pathlib.Path(folder)):
            for row in _measure(name, rows, vocabulary):
                low, median, high = row["ratio"]
                print(
                    f"| {name} | {row['characters']} | {row['batch']} | "
                    f"{row['ours_rows_per_second']:,.0f} | {row['theirs_rows_per_second']:,.0f} | "
                    f"{median:.1f} ({low:.1f}–{high:.1f}) | {row['equal_rows']:.2%} |",
                    flush=True,
                )
                found.append(row)
    print(json.dumps(found))


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
