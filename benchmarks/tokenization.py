"""Our tokenizer beside Hugging Face's Rust one: rows per second of one core, and equal ids.

  python -m benchmarks.tokenization

Each set's rows go through both in turn, on one thread, in batches as they stand.
"""

import os
import statistics
from collections.abc import Iterator

from absl import flags

from benchmarks.benchmark import Benchmark
from benchmarks.interleaved import interleave, ratio
from benchmarks.texts import Texts, load_texts

benchmark = Benchmark("tokenization", __doc__)
_FLAGS = benchmark.program.flags
flags.DEFINE_integer("rows", 1000, "Rows of each set.", 1, flag_values=_FLAGS)
flags.DEFINE_list("batch_sizes", ["1", "32", "1000"], "Rows at once.", flag_values=_FLAGS)


def _measure() -> Iterator[dict]:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["RAYON_NUM_THREADS"] = "1"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    for texts in load_texts(benchmark.source, benchmark.output, _FLAGS.rows):
        yield from _measure_set(texts)


def _measure_set(texts: Texts) -> Iterator[dict]:
    import tensorflow as tf
    import tokenizers

    from keras_bert_cls.text.tokenizer import Tokenizer

    rows = texts.rows
    ours = tf.function(
        Tokenizer.from_vocab(texts.vocabulary, lowercase=True).tokenize,
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    theirs = tokenizers.BertWordPieceTokenizer(str(texts.vocabulary), lowercase=True)
    their_ids = [row.ids for row in theirs.encode_batch(rows, add_special_tokens=False)]
    our_ids = ours(tf.constant(rows)).to_list()
    equal = statistics.fmean(a == b for a, b in zip(our_ids, their_ids, strict=True))
    for size in map(int, _FLAGS.batch_sizes):
        batches = [rows[start : start + size] for start in range(0, len(rows), size)]
        batches = batches[: max(1, 256 // size)]
        tensors = [tf.constant(batch) for batch in batches]
        seconds = interleave(
            {
                "ours": lambda tensors=tensors: [ours(batch) for batch in tensors],
                "theirs": lambda batches=batches: [
                    theirs.encode_batch(batch, add_special_tokens=False) for batch in batches
                ],
            },
            benchmark.rounds,
        )
        compared = ratio(seconds["theirs"], seconds["ours"])
        count = sum(map(len, batches))
        yield {
            "texts": texts.name,
            "characters": round(statistics.fmean(map(len, rows))),
            "batch": size,
            "ours, rows/s": count / statistics.median(seconds["ours"]),
            "tokenizers, rows/s": count / statistics.median(seconds["theirs"]),
            "ours / tokenizers": [compared.low, compared.median, compared.high],
            "equal rows": f"{equal:.2%}",
        }


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return benchmark.run(_measure, argv)


if __name__ == "__main__":
    raise SystemExit(main())
