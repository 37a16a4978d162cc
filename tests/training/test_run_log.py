"""What a run says while it works."""

import inspect
import io
import json
import re
import sys

import pytest
import tensorflow as tf

from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.run_log import Log, RunLog, SilentLog
from keras_bert_cls.training.step_timings import TIMINGS

SUMS = {"rows": 8.0, "tokens": 100.0, "token_pairs": 1500.0}


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path)


def lines_of(run) -> list[dict]:
    return [json.loads(line) for line in run.metrics.read_text().splitlines()]


def without_timings(line: dict) -> dict:
    return {name: value for name, value in line.items() if name not in TIMINGS}


def test_train_lines_hold_what_was_given_and_the_timings(run):
    log = RunLog(run, 0, 10, flops=lambda sums: sums["token_pairs"], peak_flops=1e6)
    log.advance(2, 0.5, SUMS, wait_seconds=0.0)
    log.write_train(2, {"loss": 0.5, "gradient_norm": 2.0})
    log.write_dev(2, {"loss": 0.25})
    log.close()
    train, dev = lines_of(run)
    assert without_timings(train) == {
        "step": 2,
        "kind": "train",
        "loss": 0.5,
        "gradient_norm": 2.0,
    }
    assert set(TIMINGS) <= set(train)
    # All follow from one number of seconds.
    seconds = 2 * train["step_seconds"]
    assert train["examples_per_second"] == pytest.approx(8 / seconds)
    assert train["tokens_per_second"] == pytest.approx(100 / seconds)
    assert train["model_flops_utilization"] == pytest.approx(1500 / seconds / 1e6)
    assert dev == {"step": 2, "kind": "dev", "loss": 0.25}


def test_timings_begin_anew_after_each_line(run):
    log = RunLog(run, 0, 10)
    log.advance(5, 0.5, SUMS, wait_seconds=1e6)
    log.write_train(5, {"loss": 0.5})
    log.advance(1, 0.5, {"rows": 0.0, "tokens": 0.0}, wait_seconds=0.0)
    log.write_train(6, {"loss": 0.5})
    log.close()
    first, second = lines_of(run)
    assert first["data_wait_share"] > 0
    assert (second["data_wait_share"], second["examples_per_second"]) == (0, 0)


def test_tensorboard_gets_the_same(run):
    log = RunLog(run, 0, 10)
    log.advance(5, 0.5, SUMS, wait_seconds=0.0)
    log.write_train(5, {"loss": 0.5, "learning_rate": 0.25})
    log.write_dev(5, {"macro_f1": 0.75})
    log.close()
    (file,) = run.tensorboard.iterdir()
    seen = {}
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        event = tf.compat.v1.Event.FromString(record)
        for value in event.summary.value:
            assert event.step == 5
            seen[value.tag] = float(tf.make_ndarray(value.tensor))
    written = {
        f"{line['kind']}/{name}": pytest.approx(value)
        for line in lines_of(run)
        for name, value in line.items()
        if name not in ("step", "kind")
    }
    assert seen == written
    assert {"train/loss", "train/step_seconds", "dev/macro_f1"} <= set(seen)


def test_resuming_drops_what_came_after_the_checkpoint(run):
    log = RunLog(run, 0, 10)
    for step in (2, 4, 6):
        log.write_train(step, {"loss": float(step)})
        log.write_dev(step, {"loss": float(step)})
    log.close()
    log = RunLog(run, 4, 10)
    log.write_train(6, {"loss": 60.0})
    log.close()
    kept = [(line["step"], line["kind"], line["loss"]) for line in lines_of(run)]
    assert kept == [
        (2, "train", 2.0),
        (2, "dev", 2.0),
        (4, "train", 4.0),
        (4, "dev", 4.0),
        (6, "train", 60.0),
    ]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def drive(run, stream, monkeypatch, log_format="text") -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    log = RunLog(run, 10, 40, log_format=log_format)
    for step in range(11, 41):
        log.advance(1, 1.23456, SUMS, wait_seconds=0.0)
        if step % 10 == 0:
            log.write_train(step, {"loss": 1.23456})
    log.event("checkpoint", 40, path="there")
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
            rf"step {step}/40, loss 1\.2346, [\d,.]+ ms/step, [\d,]+ examples/s, [\d,]+ tokens/s, "
            r"\d\d:\d\d to go"
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


def test_machines_get_what_is_in_the_metrics(run, monkeypatch):
    lines = [json.loads(line) for line in drive(run, Terminal(), monkeypatch, "json").splitlines()]
    events = [(line["event"], line["step"]) for line in lines]
    assert events == [
        ("start", 10),
        *(("progress", step) for step in (20, 30, 40)),
        ("checkpoint", 40),
        ("dev", 40),
    ]
    told = [
        {name: value for name, value in line.items() if name not in ("time", "event")}
        for line in lines
        if line["event"] in ("progress", "dev")
    ]
    written = [
        {name: value for name, value in line.items() if name != "kind"} for line in lines_of(run)
    ]
    assert told == written


@pytest.mark.parametrize("kind", [RunLog, SilentLog])
def test_both_logs_take_the_same_calls(kind):
    methods = [name for name in vars(Log) if not name.startswith("_")]
    assert "advance" in methods
    for name in methods:
        wanted = inspect.signature(getattr(Log, name))
        assert inspect.signature(getattr(kind, name)) == wanted, name


def test_the_silent_log_says_nothing(capfd):
    log = SilentLog()
    log.advance(1, 0.5, SUMS, wait_seconds=0.0)
    with log.paused():
        log.write_train(1, {"loss": 0.5})
    log.write_dev(1, {"loss": 0.5})
    log.event("checkpoint", 1, path="there")
    log.say("hello")
    log.close()
    assert capfd.readouterr() == ("", "")
