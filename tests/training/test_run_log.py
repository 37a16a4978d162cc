"""What a run says while it works."""

import io
import json
import math
import re
import sys

import pytest
from tensorflow.python.summary.summary_iterator import summary_iterator

from keras_bert_cls.training import run_log
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.run_log import RunLog


class Clock:
    """A clock that stands still unless told."""

    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(run_log, "time", clock)
    return clock


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path)


def lines_of(run) -> list[dict]:
    return [json.loads(line) for line in run.metrics.read_text().splitlines()]


def test_speeds_count_working_time_only(run, clock):
    log = RunLog(run, 0, 10)
    clock.now += 2
    log.advance(3, 0.5, rows=20, tokens=300)
    with log.paused():  # an evaluation
        clock.now += 1000
    clock.now += 2
    log.advance(2, 0.5, rows=20, tokens=100)
    log.write_train(5, {"loss": 0.5})
    with log.paused():  # a save
        clock.now += 1000
    clock.now += 1
    log.advance(1, 0.5, rows=7, tokens=11)
    log.write_train(6, {"loss": 0.25})
    log.close()
    assert lines_of(run) == [
        {
            "step": 5,
            "kind": "train",
            "loss": 0.5,
            "examples_per_second": 10.0,
            "tokens_per_second": 100.0,
        },
        {
            "step": 6,
            "kind": "train",
            "loss": 0.25,
            "examples_per_second": 7.0,
            "tokens_per_second": 11.0,
        },
    ]


def test_what_is_no_number_in_json_is_null(run):
    log = RunLog(run, 0, 10)
    log.write_train(1, {"loss": 1.0, "gradient_norm": math.inf})
    log.write_dev(1, {"loss": math.nan})
    log.close()
    text = run.metrics.read_text()
    assert "Infinity" not in text
    assert "NaN" not in text
    train, dev = lines_of(run)
    assert train["gradient_norm"] is None
    assert dev == {"step": 1, "kind": "dev", "loss": None}


def test_resuming_drops_what_came_after_the_checkpoint_and_half_lines(run):
    log = RunLog(run, 0, 10)
    for step in (2, 4, 6):
        log.write_train(step, {"loss": float(step)})
        log.write_dev(step, {"loss": float(step)})
    log.close()
    with open(run.metrics, "a") as file:
        file.write('{"step": 8, "ki')
    log = RunLog(run, 4, 10)
    log.write_train(6, {"loss": 60.0})
    log.close()
    assert [(line["step"], line["kind"]) for line in lines_of(run)] == [
        (2, "train"),
        (2, "dev"),
        (4, "train"),
        (4, "dev"),
        (6, "train"),
    ]
    assert lines_of(run)[-1]["loss"] == 60.0


def test_tensorboard_gets_the_same(run):
    log = RunLog(run, 0, 10)
    log.write_train(5, {"loss": 0.5, "learning_rate": 0.25})
    log.write_dev(5, {"macro_f1": 0.75})
    log.close()
    (file,) = run.tensorboard.iterdir()
    seen = {}
    for event in summary_iterator(str(file)):
        for value in event.summary.value:
            seen[value.tag] = (event.step, value.tensor.float_val[:] or value.tensor.tensor_content)
    assert {"train/loss", "train/learning_rate", "dev/macro_f1"} <= set(seen)
    assert "train/examples_per_second" in seen
    assert {step for step, _ in seen.values()} == {5}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def drive(run, stream, monkeypatch) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    log = RunLog(run, 10, 40)
    for step in range(11, 41):
        log.advance(1, 1.23456, rows=8, tokens=1234)
        if step % 10 == 0:
            log.write_train(step, {"loss": 1.2})
    log.write_dev(40, {"loss": 1.5, "accuracy": 0.25})
    log.close()
    return stream.getvalue()


def test_log_files_get_a_line_for_each_line_of_metrics(run, monkeypatch, capsys):
    text = drive(run, io.StringIO(), monkeypatch)
    assert "\r" not in text
    lines = text.splitlines()
    assert len(lines) == 3
    for line, step in zip(lines, (20, 30, 40), strict=True):
        pattern = (
            rf"step {step}/40, loss 1\.2346, [\d,]+ examples/s, [\d,]+ tokens/s, \d\d:\d\d to go"
        )
        assert re.fullmatch(pattern, line)
    assert lines[-1].endswith("00:00 to go")
    assert capsys.readouterr().out == "step 40: dev loss 1.5000, accuracy 0.2500\n"


def test_people_get_a_bar(run, monkeypatch, capsys):
    text = drive(run, Terminal(), monkeypatch)
    assert "\r" in text
    last = text.rstrip().rsplit("\r", 1)[-1]
    assert "40/40" in last
    assert "loss 1.2346" in last
    assert "tokens/s" in last
    assert "step 40: dev loss 1.5000, accuracy 0.2500" in capsys.readouterr().out


def test_the_time_to_go_follows_from_the_steps_of_this_start(run, monkeypatch):
    from keras_bert_cls.training import progress_display

    clock = Clock()
    monkeypatch.setattr(progress_display, "time", clock)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    display = progress_display.progress_display(start=90, total=190)
    clock.now += 50
    display.advance(20, "well")
    display.log()
    # 20 steps took 50 seconds; 80 are left.
    assert stream.getvalue() == "step 110/190, well, 03:20 to go\n"
