"""The ops that take the time of one request and of one training step.

  python -m benchmarks.profile_ops --of=request
  python -m benchmarks.profile_ops --of=training
  python -m benchmarks.profile_ops --of=pretraining

The request is one text of SST-2 of --tokens tokens through an export, as a server runs it;
"training" is an update of a classifier with --rows rows of SST-2, "pretraining" one of a masked
language model with --rows rows of Simple Wikipedia of up to 128 tokens, as runs make them. An op's
time is its own, without what it calls. One op runs at a time, on one thread, so that times add up
to the time that passes; "between ops" is what is left of it: TensorFlow's executor, Python, and the
recording itself. On a busy machine shares say more than milliseconds.
"""

import functools
import os
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator

from absl import flags

from benchmarks.benchmark import Benchmark
from benchmarks.contender import thread_variables
from benchmarks.models import ModelFiles, model_files
from benchmarks.op_profile import OpTime, profiled
from benchmarks.texts import Texts, load_texts

benchmark = Benchmark("profile_ops", __doc__, turns=False)
_FLAGS = benchmark.program.flags
flags.DEFINE_list(
    "of", ["request", "training", "pretraining"], "What to profile.", flag_values=_FLAGS
)
flags.DEFINE_string("size", "6x384", "The model: blocks x width.", flag_values=_FLAGS)
flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "bfloat16"],
    "Of the export; in bfloat16 training has mixed precision.",
    flag_values=_FLAGS,
)
flags.DEFINE_integer("tokens", 22, "Of the request, about.", 3, flag_values=_FLAGS)
flags.DEFINE_integer("rows", 32, "Of the training batch.", 1, flag_values=_FLAGS)
flags.DEFINE_integer("top", 12, "Types of ops that are told.", 1, flag_values=_FLAGS)
_REPEATS = {"request": 50, "training": 2, "pretraining": 1}
_WARM_UPS = 3  # trace, and let oneDNN choose its kernels
_MAX_LENGTH = 128


def _measure() -> Iterator[dict]:
    # Before TensorFlow is imported.
    os.environ.update({**thread_variables(1), "TF_NUM_INTEROP_THREADS": "1"})
    makers = {
        "request": (_request, "en (SST-2)"),
        "training": (_training, "en (SST-2)"),
        "pretraining": (_pretraining, "long en (Simple Wikipedia)"),
    }
    texts = load_texts(benchmark.source, benchmark.output, 500)
    for what in _FLAGS.of:
        make, name = makers[what]
        chosen = next((one for one in texts if one.name == name), texts[0])
        files = model_files(benchmark.output, _FLAGS.size, chosen.vocabulary)
        once, repeats = make(files, chosen), _REPEATS[what]
        for _ in range(_WARM_UPS):
            once()
        found: list[float] = []
        times = profiled(functools.partial(_repeat, once, repeats, found))
        for row in table(times, found[0], repeats, _FLAGS.top):
            yield {"of": what, **row}


def _repeat(once: Callable[[], object], repeats: int, found: list[float]) -> None:
    started = time.perf_counter()
    for _ in range(repeats):
        once()
    found.append(time.perf_counter() - started)


def table(times: dict[str, OpTime], seconds: float, repeats: int, top: int) -> list[dict]:
    """Returns rows of the dearest ops, of the others, and of what is no op.

    Args:
      times: by type of op, the dearest first.
      seconds: that passed in all.
      repeats: of what was profiled; a row is of one.
      top: types of ops that get a row of their own.
    """
    named = list(times.items())
    rest = OpTime(sum(t.calls for _, t in named[top:]), sum(t.seconds for _, t in named[top:]))
    in_ops = sum(one.seconds for one in times.values())
    named = [*named[:top], ("other ops", rest), ("between ops", OpTime(0, seconds - in_ops))]
    return [
        {
            "op": name,
            "calls": round(one.calls / repeats),
            "ms": 1e3 * one.seconds / repeats,
            "share": f"{one.seconds / seconds:.1%}",
        }
        for name, one in [*named, ("all", OpTime(sum(t.calls for _, t in named), seconds))]
    ]


def _request(files: ModelFiles, texts: Texts) -> Callable[[], object]:
    from keras_bert_cls.inference import Classifier

    version = {"float32": 1, "bfloat16": 2}[_FLAGS.precision]
    classifier = Classifier.load(files.exports / str(version))
    counts = map(len, classifier.tokenize(texts.rows))
    pairs = zip(counts, texts.rows, strict=True)
    _, text = min(pairs, key=lambda pair: abs(pair[0] - _FLAGS.tokens))
    return lambda: classifier.predict([text])


def _training(files: ModelFiles, texts: Texts) -> Callable[[], object]:
    from benchmarks.our_loop import make_loop
    from benchmarks.our_training import prepared, rebuilt
    from keras_bert_cls.modeling.trained_model import TrainedModel
    from keras_bert_cls.training.objectives import SingleLabelObjective

    trained = TrainedModel.load(files.run)
    loop = make_loop(_in_precision(lambda: rebuilt(trained.model)), SingleLabelObjective())
    some = texts.rows[: _FLAGS.rows]
    batch = prepared(trained.tokenizer, some, [number % 10 for number in range(len(some))])
    return _updates(loop, batch)


def _pretraining(files: ModelFiles, texts: Texts) -> Callable[[], object]:
    from benchmarks.our_loop import make_loop
    from benchmarks.our_pretraining import make_batches
    from benchmarks.peers.batch_file import read_batches
    from keras_bert_cls.modeling.encoder import encoder_config
    from keras_bert_cls.modeling.models import masked_lm_model
    from keras_bert_cls.modeling.trained_model import TrainedModel
    from keras_bert_cls.training.objectives import MaskedLMObjective

    config = encoder_config(TrainedModel.load(files.run).model)
    model = _in_precision(lambda: masked_lm_model(config))
    with tempfile.TemporaryDirectory() as folder:
        text, file = pathlib.Path(folder) / "text.txt", f"{folder}/batches.npz"
        text.write_text("\n".join(texts.rows), encoding="utf-8")
        make_batches(
            str(text), str(texts.vocabulary), _FLAGS.rows, 1, _MAX_LENGTH, {"by length": file}
        )
        (batch,) = read_batches(file)
    return _updates(make_loop(model, MaskedLMObjective()), batch)


def _in_precision(build: Callable):
    from keras_bert_cls.training.run import with_precision

    policy = {"float32": "float32", "bfloat16": "mixed_bfloat16"}[_FLAGS.precision]
    return with_precision(policy, build)


def _updates(loop, batch: dict) -> Callable[[], object]:
    from benchmarks.our_loop import iterator_of

    batches = iterator_of([batch] * (_WARM_UPS + max(_REPEATS.values())))
    return lambda: loop.run(batches, 1)


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return benchmark.run(_measure, argv)


if __name__ == "__main__":
    raise SystemExit(main())
