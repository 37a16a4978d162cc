"""What a small task gains from a larger related one: some rows, alone and in a multi-task run.

    bertcls-import --source MINILM_FOLDER --output runs/minilm
    python -m benchmarks.real_data --source ../shared/data --only sst2,goemotions,trec,trec_fine
    python -m benchmarks.multitask_gain --config_file configs/questions_multitask.py
    python -m benchmarks.multitask_gain --config_file configs/sentiment_multitask.py

The small task is the first of the config. For each seed other rows of it are drawn, by a hash. The
run alone has as many updates as the small task has in the joint run, the same batches, rate and
schedule; a second one has as many as the joint run has in all. The weights that are best on the dev
split are scored on test. What is finished is not repeated when the command is started again.
"""

import dataclasses
import hashlib
import json
import pathlib
import runpy
import statistics

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.training.config import FinetuneConfig
from keras_bert_cls.training.multitask_config import MultiTaskConfig

program = Program("benchmarks.multitask_gain", __doc__)
_CONFIG_FILE = flags.DEFINE_string(
    "config_file", None, "Of the multi-task run.", required=True, flag_values=program.flags
)
_SEEDS = flags.DEFINE_integer("seeds", 3, "How many.", flag_values=program.flags)
_ROWS = flags.DEFINE_integer("rows", 200, "Of the small task.", flag_values=program.flags)
_OUTPUT = flags.DEFINE_string("output", "runs/multitask_gain", "Runs.", flag_values=program.flags)

_METRIC = "accuracy"


def _folder() -> pathlib.Path:
    return pathlib.Path(_OUTPUT.value) / pathlib.Path(_CONFIG_FILE.value).stem


def small_file(whole: pathlib.Path, folder: pathlib.Path, seed: int) -> str:
    """Writes some rows of a training file, and returns the path."""
    header, *rows = whole.read_text(encoding="utf-8").rstrip("\n").split("\n")
    rows.sort(key=lambda row: hashlib.sha256(f"{seed} {row}".encode()).digest())
    path = folder / f"train-{seed}.tsv"
    folder.mkdir(parents=True, exist_ok=True)
    content = "".join(f"{row}\n" for row in [header, *rows[: _ROWS.value]])
    path.write_text(content, encoding="utf-8", newline="\n")
    return str(path)


def configs(seed: int) -> dict[str, MultiTaskConfig | FinetuneConfig]:
    """Returns the runs of a seed by their name."""
    joint: MultiTaskConfig = runpy.run_path(_CONFIG_FILE.value)["get_config"]()
    joint.seed = seed
    small, *_ = joint.tasks
    whole = pathlib.Path(small.data.train_files[0]).with_name("train.tsv")
    small.data.train_files = (small_file(whole, _folder() / "data", seed),)
    alone, longer = joint.alone(small), joint.alone(small)
    updates = _own_updates(joint)
    alone.train = dataclasses.replace(alone.train, steps=updates, eval_every=-(-updates // 4))
    return {"alone": alone, "alone, longer": longer, "beside the larger task": joint}


def _own_updates(joint: MultiTaskConfig) -> int:
    """Returns how many updates of the joint run are of the small task."""
    from keras_bert_cls.data.task_sampling import TaskDraws

    sizes = tuple(
        len(pathlib.Path(task.data.train_files[0]).read_text(encoding="utf-8").split("\n")) - 2
        for task in joint.tasks
    )
    steps = joint.train.steps
    return TaskDraws(sizes, joint.sampling, steps, joint.seed).counts(steps)[0]


def score(config: MultiTaskConfig | FinetuneConfig, workdir: pathlib.Path) -> dict[str, float]:
    """Trains, or finds the run; returns the small task's scores on dev and test."""
    from keras_bert_cls.training.finetune import finetune
    from keras_bert_cls.training.multitask import train_multitask

    if isinstance(config, MultiTaskConfig):
        result, name = train_multitask(config, workdir, print), f"{config.tasks[0].name}/{_METRIC}"
    else:
        result, name = finetune(config, workdir, print), _METRIC
    assert result is not None
    return {split: scores.values[name] for split, scores in result.scores.items()}


def main(argv: list[str] | None = None) -> int:
    """Runs the benchmark."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    output = _folder()
    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(_SEEDS.value):
        for name, config in configs(seed).items():
            workdir = output / f"{name.replace(', ', '_').replace(' ', '_')}-{seed}"
            found.setdefault(name, []).append(score(config, workdir))
            print(seed, name, found[name][-1], flush=True)
    print(f"\n| run | {' | '.join(f'seed {seed}' for seed in range(_SEEDS.value))} | mean | dev |")
    print("|---|" + "---|" * (_SEEDS.value + 2))
    for name, scores in found.items():
        test = [each["test"] for each in scores]
        dev = statistics.mean(each["dev"] for each in scores)
        cells = [f"{value:.2%}" for value in [*test, statistics.mean(test), dev]]
        print(f"| {name} | {' | '.join(cells)} |")
    (output / "results.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
