"""What people and machines see of a run's progress."""

import datetime
import io
import json
import math
import sys

import pytest

from keras_bert_cls.training import progress_display as module
from keras_bert_cls.training.progress_display import progress_display

VALUES = {
    "loss": 1.25,
    "learning_rate": 0.5,
    "examples_per_second": 1234.0,
    "tokens_per_second": 56789.0,
    "step_seconds": 0.0123,
    "data_wait_share": 0.05,
}


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    now = 100.0

    def perf_counter(self):
        return self.now


def test_the_time_to_go_follows_from_the_steps_of_this_start(monkeypatch, capsys):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    display = progress_display(start=90, total=190)
    clock.now += 50
    display.event("progress", 110, VALUES)
    # 20 steps took 50 seconds; 80 are left.
    assert capsys.readouterr().err == (
        "step 110/190, loss 1.2500, 12.3 ms/step, 1,234 examples/s, 56,789 tokens/s, 03:20 to go\n"
    )


def test_a_long_wait_for_data_and_the_utilization_are_shown(capsys):
    display = progress_display(0, 10)
    more = {"data_wait_share": 0.128, "model_flops_utilization": 0.4567}
    display.event("progress", 10, VALUES | more)
    assert ", 13% waiting for data, 45.7% of peak FLOP/s, 00:00 to go\n" in capsys.readouterr().err


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_people_see_no_events_for_machines(kind, monkeypatch, capsys):
    stream = kind()
    monkeypatch.setattr(sys, "stderr", stream)
    display = progress_display(0, 10)
    display.event("checkpoint", 5, {"path": "there"})
    display.say("hello")
    display.event("dev", 5, {"loss": 0.5, "accuracy": 0.75})
    display.close()
    assert "checkpoint" not in stream.getvalue()
    assert capsys.readouterr().out == "hello\nstep 5: dev loss 0.5000, accuracy 0.7500\n"


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_machines_get_an_object_a_line(kind, monkeypatch, capsys):
    stream = kind()
    monkeypatch.setattr(sys, "stderr", stream)
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(milliseconds=1)
    display = progress_display(20, 40, "json")
    display.say("2 行\n3 tokens")
    display.advance(5, VALUES)
    display.event("progress", 25, VALUES | {"gradient_norm": math.inf})
    display.event("checkpoint", 25, {"path": "there"})
    display.say("stopping")
    display.close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    times = [datetime.datetime.fromisoformat(line.pop("time")) for line in lines]
    assert lines == [
        {"event": "start", "step": 20, "total_steps": 40},
        {"event": "say", "step": 20, "text": "2 行\n3 tokens"},
        {"event": "progress", "step": 25, **VALUES, "gradient_norm": None},
        {"event": "checkpoint", "step": 25, "path": "there"},
        {"event": "say", "step": 25, "text": "stopping"},
    ]
    assert all(time.utcoffset() == datetime.timedelta(0) for time in times)
    in_order = [before, *times, datetime.datetime.now(datetime.UTC)]
    assert in_order == sorted(in_order)
    assert capsys.readouterr().out == ""
