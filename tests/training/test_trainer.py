"""The trainer's schedule, with a loop and an evaluator of plain Python."""

import contextlib
import dataclasses
import itertools
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from tiny_runs import finetune_config

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.training.checkpoints import Checkpoints, Progress
from keras_bert_cls.training.interruption import PreemptedError, StopRequest
from keras_bert_cls.training.loop import LoopReport
from keras_bert_cls.training.metrics import Scores
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.run_log import RunLog
from keras_bert_cls.training.step_timings import TIMINGS
from keras_bert_cls.training.trainer import (
    Trainer,
    TrainingDivergedError,
    evaluation_interval,
    total_steps,
)
from keras_bert_cls.training.workers import Workers

PLAN = BatchPlan(np.full(40, 9), 8, seed=1)


class PlannedSource:
    """What the trainer asks a source of batches."""

    steps_in_epoch, steps_in_epochs = PLAN.steps_in_epoch, PLAN.steps_in_epochs

    def describe_step(self, step):
        return [f"train.tsv:{row + 2}" for row in PLAN.rows_of_step(step)]


SOURCE = PlannedSource()


class CountingLoop:
    """Adds the step's number to its only weight, and records which updates it made."""

    def __init__(self, bad_step=None, bad_loss=float("nan")):
        self.weight = tf.Variable(0.0, dtype=tf.float64)
        self.calls: list[list[int]] = []
        self.bad_step, self.bad_loss = bad_step, bad_loss

    def run(self, batches, updates, stop=False):
        steps = list(itertools.islice(batches, updates))
        self.calls.append(steps)
        self.weight.assign_add(float(sum(steps)))
        bad = np.array([step == self.bad_step for step in steps])
        losses = np.where(bad, self.bad_loss, 1 / (1 + np.array(steps, np.float32)))
        return LoopReport(
            losses=losses,
            diverged=bad,
            sums={
                "label_loss": float(losses.sum() * 8),
                "label_weight": 8.0 * updates,
                "rows": 8.0 * updates,
                "tokens": 80.0 * updates,
            },
            gradient_norm=float(steps[-1]),
            learning_rate=0.5,
            loss_scale=1.0,
            wait_seconds=0.0,
            stop=stop,
        )


@dataclasses.dataclass
class Start:
    """One start of the program: everything that a run makes anew."""

    folder: pathlib.Path
    config: object
    values: dict[int, float] | None = None  # of the metric, by step
    loop: CountingLoop = dataclasses.field(default_factory=CountingLoop)
    stop: StopRequest = dataclasses.field(default_factory=StopRequest)

    def __post_init__(self):
        folder = RunDirectory(self.folder).checkpoints
        folder.mkdir(parents=True, exist_ok=True)
        self.checkpoints = Checkpoints(folder, {"weight": self.loop.weight})
        self.progress = self.checkpoints.restore_newest() or Progress()
        self.evaluated: list[int] = []

    def evaluate(self):
        # The weight tells the step: the sum of all steps before.
        step = next(n for n in range(1000) if n * (n - 1) // 2 == int(self.loop.weight) and n)
        self.evaluated.append(step)
        metric = self.config.train.metric or "accuracy"
        return Scores({"loss": 1.0, "accuracy": 0.0} | {metric: self.values[step]})

    def fit(self) -> Progress:
        steps = total_steps(self.config.train, PLAN)
        log = RunLog(RunDirectory(self.folder), self.progress.step, steps)
        trainer = Trainer(
            self.config,
            self.loop,
            SOURCE,
            steps,
            Workers(tf.distribute.get_strategy()),
            log,
            self.checkpoints,
            self.evaluate if self.values is not None else None,
            self.stop,
        )
        with contextlib.closing(log):
            return trainer.fit(iter(range(self.progress.step, 10**9)), self.progress)


def metrics(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in TIMINGS} for line in lines]


def config_of(**train):
    fields = {"steps": 20, "steps_per_call": 4, "log_every": 6, "eval_every": 5}
    fields |= {"checkpoint_every": 8} | train
    return finetune_config(
        pathlib.Path("data"), **{f"train_{name}": value for name, value in fields.items()}
    )


RISING = {step: step / 100 for step in range(1, 100)}


def test_logs_evaluates_and_saves_when_it_should(tmp_path):
    start = Start(tmp_path, config_of(), RISING)
    progress = start.fit()
    # No call reaches over a multiple of 4, 5, 6 or 8.
    stops = [0, 4, 5, 6, 8, 10, 12, 15, 16, 18, 20]
    expected = [list(range(a, b)) for a, b in itertools.pairwise(stops)]
    assert start.loop.calls == expected
    assert start.evaluated == [5, 10, 15, 20]
    kinds = [(line["step"], line["kind"]) for line in metrics(tmp_path)]
    assert [step for step, kind in kinds if kind == "train"] == [5, 6, 10, 12, 15, 18, 20]
    assert [step for step, kind in kinds if kind == "dev"] == [5, 10, 15, 20]
    saved = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert saved == ["best-000000020", "step-000000016", "step-000000020"]
    assert progress == Progress(20, best_metric=0.2, best_step=20, finished=True)


def test_a_line_is_the_mean_since_the_line_before(tmp_path):
    Start(tmp_path, config_of(), RISING).fit()
    train = {line["step"]: line for line in metrics(tmp_path) if line["kind"] == "train"}
    losses = 1 / (1 + np.arange(20, dtype=np.float32))
    assert train[5]["loss"] == pytest.approx(losses[:5].mean())
    # Saving at 8 ends no line.
    assert train[10]["loss"] == pytest.approx(losses[6:10].mean())
    assert train[10]["gradient_norm"] == 9.0


@pytest.mark.parametrize(
    ("metric", "values", "best"),
    [
        ("accuracy", {5: 0.3, 10: 0.5, 15: 0.5, 20: 0.4}, 10),
        ("loss", {5: 0.3, 10: 0.5, 15: 0.2, 20: 0.2}, 15),
        ("macro_f1", {5: float("nan"), 10: 0.1, 15: float("nan"), 20: 0.0}, 10),
    ],
)
def test_the_best_is_kept_and_the_first_of_equals(tmp_path, metric, values, best):
    start = Start(tmp_path, config_of(metric=metric), values)
    progress = start.fit()
    assert progress.best_step == best
    assert progress.best_metric == values[best]
    assert start.checkpoints.restore_best().step == best
    assert int(start.loop.weight) == best * (best - 1) // 2


def test_stops_early_for_good(tmp_path):
    series = [0.1, 0.5, 0.4, 0.5, 0.6, 0.3, 0.2, 0.1, 0.9]
    values = {5 * (index + 1): value for index, value in enumerate(series)}
    config = config_of(steps=100, patience=3)
    start = Start(tmp_path, config, values)
    progress = start.fit()
    assert start.evaluated == [5, 10, 15, 20, 25, 30, 35, 40]
    assert progress == Progress(
        40, best_metric=0.6, best_step=25, stale_evaluations=3, finished=True
    )
    again = Start(tmp_path, config, values)
    assert again.progress == progress
    assert again.fit() == progress
    assert again.loop.calls == []


@pytest.mark.parametrize("patience", [0, 2])
@pytest.mark.parametrize("killed_after", [1, 4, 6, 7, 9])
def test_resumes_exactly(tmp_path, killed_after, patience):
    values = {5: 0.3, 10: 0.5, 15: 0.4, 20: 0.4}
    config = config_of(patience=patience)
    whole = Start(tmp_path / "whole", config, values)
    expected = whole.fit()

    class Killed(BaseException):
        pass

    killed = Start(tmp_path / "killed", config, values)
    run_updates, calls = killed.loop.run, itertools.count(1)

    def run(batches, updates, stop):
        if next(calls) > killed_after:
            raise Killed
        return run_updates(batches, updates, stop)

    killed.loop.run = run
    if killed_after < len(whole.loop.calls):
        with pytest.raises(Killed):
            killed.fit()
    else:
        killed.fit()
    killed.checkpoints.wait()
    resumed = Start(tmp_path / "killed", config, values)
    assert resumed.progress.step <= sum(map(len, killed.loop.calls))
    assert resumed.fit() == expected
    assert float(resumed.loop.weight) == float(whole.loop.weight)
    assert metrics(tmp_path / "killed") == metrics(tmp_path / "whole")
    for one in (tmp_path / "whole/checkpoints").iterdir():
        manifest = (one / "manifest.json").read_text()
        other = tmp_path / "killed/checkpoints" / one.name / "manifest.json"
        assert json.loads(manifest)["progress"] == json.loads(other.read_text())["progress"]


@pytest.mark.parametrize("stopped_after", range(1, 9))
def test_a_request_to_stop_saves_at_once_and_resumes_exactly(tmp_path, stopped_after):
    values = {5: 0.3, 10: 0.5, 15: 0.4, 20: 0.4}
    whole = Start(tmp_path / "whole", config_of(), values)
    expected = whole.fit()
    stopped = Start(tmp_path / "stopped", config_of(), values)
    run_updates = stopped.loop.run

    def run(batches, updates, stop):
        # The signal comes while a call of the loop runs: the next one tells all workers.
        stopped.stop.received = len(stopped.loop.calls) + 1 == stopped_after
        return run_updates(batches, updates, stop)

    stopped.loop.run = run
    with pytest.raises(PreemptedError, match="saved after step") as caught:
        stopped.fit()
    assert caught.value.exit_code == 42
    resumed = Start(tmp_path / "stopped", config_of(), values)
    assert resumed.progress.step == sum(map(len, stopped.loop.calls))
    assert len(stopped.loop.calls) == stopped_after + 1
    assert resumed.fit() == expected
    assert float(resumed.loop.weight) == float(whole.loop.weight)
    assert metrics(tmp_path / "stopped") == metrics(tmp_path / "whole")


@pytest.mark.parametrize(
    ("loss", "what"), [(float("nan"), "the loss is nan"), (1.0, "a gradient is not finite")]
)
def test_divergence_names_step_rows_and_checkpoint(tmp_path, loss, what):
    start = Start(tmp_path, config_of(), RISING, CountingLoop(bad_step=13, bad_loss=loss))
    with pytest.raises(TrainingDivergedError) as caught:
        start.fit()
    rows = [f"train.tsv:{row + 2}" for row in PLAN.rows_of_step(13)]
    message = str(caught.value)
    assert message.startswith(f"{what} at step 14. Rows of that batch: {', '.join(rows)}. ")
    assert f"The last checkpoint is {tmp_path}/checkpoints/step-000000008. " in message
    # Nothing of the bad step is kept.
    assert Start(tmp_path, config_of(), RISING).progress.step == 8
    assert max(line["step"] for line in metrics(tmp_path)) <= 12


def test_divergence_before_the_first_checkpoint(tmp_path):
    start = Start(tmp_path, config_of(), RISING, CountingLoop(bad_step=0))
    with pytest.raises(TrainingDivergedError, match=r"step 1\..*There is no checkpoint yet"):
        start.fit()


def test_without_dev_data_the_last_weights_count(tmp_path):
    start = Start(tmp_path, config_of())
    assert start.fit() == Progress(20, finished=True)
    assert start.checkpoints.restore_best() is None


def test_epochs():
    plan = BatchPlan(np.full(40, 9), 7)
    config = config_of(steps=0, epochs=3, eval_every=0)
    assert total_steps(config.train, plan) == 18
    assert evaluation_interval(config.train, plan) == 6
    assert evaluation_interval(config_of(steps=100, eval_every=0).train, plan) == 5
    assert evaluation_interval(config_of(steps=3, eval_every=0).train, plan) == 1
