"""How fast a run is, by a clock that stands still unless told."""

import pytest

from keras_bert_cls.training import step_timings
from keras_bert_cls.training.step_timings import TIMINGS, StepTimings


class Clock:
    def __init__(self):
        self.now = 100.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(step_timings, "time", clock)
    return clock


def test_working_time_only_is_counted(clock):
    timings = StepTimings()
    clock.now += 2
    timings.add(3, {"rows": 20.0, "tokens": 300.0}, wait_seconds=0.5)
    with timings.paused():  # an evaluation
        clock.now += 1000
    clock.now += 2
    timings.add(2, {"rows": 20.0, "tokens": 100.0}, wait_seconds=0.5)
    assert timings.values() == {
        "examples_per_second": 10.0,
        "tokens_per_second": 100.0,
        "step_seconds": 0.8,
        "data_wait_share": 0.25,
    }
    timings.restart()
    with timings.paused():  # a save
        clock.now += 1000
    clock.now += 1
    timings.add(1, {"rows": 7.0, "tokens": 11.0}, wait_seconds=0.0)
    assert timings.values() == {
        "examples_per_second": 7.0,
        "tokens_per_second": 11.0,
        "step_seconds": 1.0,
        "data_wait_share": 0.0,
    }


def test_utilization_is_the_share_of_the_peak(clock):
    timings = StepTimings(lambda sums: 6.0 * sums["tokens"] + sums["token_pairs"], peak_flops=100.0)
    for tokens in (10.0, 20.0):
        clock.now += 2
        timings.add(1, {"rows": 1.0, "tokens": tokens, "token_pairs": tokens**2}, 0.0)
    values = timings.values()
    assert values["model_flops_utilization"] == pytest.approx((6 * 30 + 500) / 4 / 100)
    assert tuple(values) == TIMINGS


def test_without_a_peak_there_is_no_utilization():
    timings = StepTimings(lambda sums: 1.0)
    timings.add(1, {"rows": 1.0, "tokens": 1.0}, 0.0)
    assert tuple(timings.values()) == TIMINGS[:-1]
