"""Updates of a masked language model, ours beside transformers on PyTorch: tokens per second.

  python -m benchmarks.pretraining
  python -m benchmarks.pretraining --threads=1 --sets=en --rows=8 --batches=2

Everyone starts from the same BertForMaskedLM (its loss on the first batch, without dropout, is
compared), takes the same masked batches, has AdamW, clipping at norm 1 and dropout 0.1. Ours is the
loop of bertcls-pretrain, which packs; PyTorch pads a batch to its longest row. "mixed" batches
hold rows as they are drawn, those "by length" rows of like length, which is our runs' default and
what Hugging Face's group_by_length does. "PyTorch" is BertForMaskedLM as it stands, "tuned"
computes logits of the masked tokens only and has the fused AdamW.

"share of the ceiling" is the speed of the matrix products that the model needs
(training/model_flops.py: real tokens only), of the speed that one large product reaches in the same
precision, threads and rounds.
"""

import contextlib
import itertools
import pathlib
import statistics
import sys
from collections.abc import Iterator

from absl import flags

from benchmarks.benchmark import Benchmark, clock_of, define_threads
from benchmarks.contender import Contender, thread_variables
from benchmarks.interleaved import ratio
from benchmarks.models import sizes_of
from benchmarks.our_pretraining import PRODUCT_FLOPS
from benchmarks.peers.batch_file import read_batches
from benchmarks.real_data import source_lines
from benchmarks.texts import demo_vocabulary

benchmark = Benchmark("pretraining", __doc__)
_FLAGS = benchmark.program.flags
define_threads(benchmark)
flags.DEFINE_string("size", "6x384", "The model: blocks x width.", flag_values=_FLAGS)
flags.DEFINE_list("sets", ["en"], "Beginnings of the names of sets.", flag_values=_FLAGS)
flags.DEFINE_integer("rows", 32, "Rows of a batch.", 1, flag_values=_FLAGS)
flags.DEFINE_integer("batches", 2, "Batches of a round.", 1, flag_values=_FLAGS)
flags.DEFINE_integer("max_length", 128, "Tokens of a row at most.", 8, flag_values=_FLAGS)

_OURS, _TORCH = "benchmarks.our_pretraining", "benchmarks.peers.torch_pretraining"
# Worker, and how to load the model.
_CONTENDERS: dict[str, tuple[str, dict[str, object]]] = {
    "ours fp32": (_OURS, {"precision": "float32"}),
    "ours bf16": (_OURS, {"precision": "mixed_bfloat16"}),
    "PyTorch fp32": (_TORCH, {"precision": "float32"}),
    "PyTorch fp32 tuned": (_TORCH, {"precision": "float32", "tuned": True}),
    "PyTorch fp32 compiled": (_TORCH, {"precision": "float32", "tuned": True, "compiled": True}),
    "PyTorch bf16 tuned": (_TORCH, {"precision": "bfloat16", "tuned": True}),
}
flags.DEFINE_list(
    "contenders",
    [name for name in _CONTENDERS if "compiled" not in name],  # takes minutes to compile
    f"Who takes part: {', '.join(_CONTENDERS)}.",
    flag_values=_FLAGS,
)
_ORDERS = ("mixed", "by length")
_LIMIT, _HALF_PRECISION_LIMIT = 1e-4, 2e-2
_SETS = {
    "en (Simple Wikipedia)": ("pretrain_en_wiki/simplewiki_part.txt.xz", "bert-base-uncased"),
    "zh (news items)": ("pretrain_zh_news/xinwenlianbo.txt.xz", "bert-base-chinese"),
}
_LINES = 4000  # of a set; they make several windows of batches


def _measure() -> Iterator[dict]:
    for name, text, vocabulary in _texts():
        folder = text.parent
        files = {order: str(folder / f"{order}.npz") for order in _ORDERS}
        _prepare(text, vocabulary, files)
        with _started(folder) as contenders:
            losses = {order: _losses(contenders, file) for order, file in files.items()}
            for order, file in files.items():
                for row in _measure_batches(contenders, file, losses[order]):
                    yield {"texts": name, "batches": order, **row}


def _texts() -> Iterator[tuple[str, pathlib.Path, pathlib.Path]]:
    """Yields names of sets, their text in a folder of its own, and their vocabularies."""
    if benchmark.source is None:
        sets = {
            "demo": (pathlib.Path("demo/corpus/prose_en.txt"), demo_vocabulary(benchmark.output))
        }
    else:
        sets = {
            name: (benchmark.source / file, benchmark.source / "vocab" / f"{vocabulary}-vocab.txt")
            for name, (file, vocabulary) in _SETS.items()
            if name.startswith(tuple(_FLAGS.sets))
        }
    for name, (source, vocabulary) in sets.items():
        text = benchmark.output / "pretraining" / f"{name.split()[0]}-{_FLAGS.size}" / "text.txt"
        text.parent.mkdir(parents=True, exist_ok=True)
        lines = itertools.islice(source_lines(source, keep_blank=True), _LINES)
        text.write_text("\n".join(lines), encoding="utf-8")
        yield name, text, vocabulary


def _prepare(text: pathlib.Path, vocabulary: pathlib.Path, files: dict[str, str]) -> None:
    """Writes the model, if it is not there yet, and the batches."""
    same = {"vocabulary": str(vocabulary), "max_length": _FLAGS.max_length}
    with Contender(_OURS, text.parent / "preparing.log") as worker:
        model = text.parent / "huggingface"
        if not model.exists():
            worker.ask("make_model", folder=str(model), sizes=sizes_of(_FLAGS.size), **same)
        batches = {"rows": _FLAGS.rows, "count": _FLAGS.batches, "files": files}
        worker.ask("make_batches", text=str(text), **batches, **same)


@contextlib.contextmanager
def _started(folder: pathlib.Path) -> Iterator[dict[str, Contender]]:
    with contextlib.ExitStack() as stack:
        contenders = {}
        for title in _FLAGS.contenders:
            module, options = _CONTENDERS[title]
            python = benchmark.peer_python() if module == _TORCH else sys.executable
            environment = thread_variables(_FLAGS.threads)
            one = Contender(module, folder / f"{title}.log", python, environment)
            contenders[title] = stack.enter_context(one)
            one.ask("load", folder=str(folder / "huggingface"), **options)
        yield contenders


def _losses(contenders: dict[str, Contender], file: str) -> dict[str, float]:
    """Returns everyone's loss of the first batch before any update, once they are the same."""
    losses = {title: one.ask("loss", file=file) for title, one in contenders.items()}
    for title, loss in losses.items():
        limit = _HALF_PRECISION_LIMIT if "bf16" in title else _LIMIT
        if not abs(loss - losses["ours fp32"]) <= limit:
            raise RuntimeError(f"{title} has another loss: {losses}")
    return losses


def _measure_batches(
    contenders: dict[str, Contender], file: str, losses: dict[str, float]
) -> Iterator[dict]:
    clock, ours = clock_of(benchmark), contenders["ours fp32"]
    seconds: dict[str, list[float]] = {title: [] for title in contenders}
    products: dict[bool, list[float]] = {False: [], True: []}  # by whether in bfloat16
    for number in range(-1, benchmark.rounds):
        for title, one in contenders.items():
            took = sum(one.ask("train", file=file)[clock])
            if number >= 0:
                seconds[title].append(took)
        for half, found in products.items():
            precision = "mixed_bfloat16" if half else "float32"
            if number >= 0:
                found.append(min(ours.ask("multiply", precision=precision, times=8)[clock]))
    needed = ours.ask("flops", file=file)
    tokens = sum(int(batch["padding_mask"].sum()) for batch in read_batches(file))
    for title, took in seconds.items():
        compared = ratio(took, seconds["ours fp32"])
        speed = needed / statistics.median(took)
        ceiling = PRODUCT_FLOPS / statistics.median(products["bf16" in title])
        yield {
            "contender": title,
            "tokens/s": tokens / statistics.median(took),
            "time / ours fp32": [compared.low, compared.median, compared.high],
            "GFLOP/s": speed / 1e9,
            "ceiling": ceiling / 1e9,
            "share of the ceiling": speed / ceiling,
            "first loss": losses[title],
        }


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return benchmark.run(_measure, argv)


if __name__ == "__main__":
    raise SystemExit(main())
