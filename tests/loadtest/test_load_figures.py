"""The figures of a load, from samples whose answers are known."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.loadtest.load import ClosedLoop, OpenLoop, Period
from keras_bert_cls.loadtest.report import heading, table_line, write_report
from keras_bert_cls.loadtest.result import quantile, summary
from keras_bert_cls.loadtest.sender import Sample, SentShare

PERIOD = Period(warmup_seconds=1.0, seconds=2.0)


def sample(intended, latency, code="OK", late=0.0, tokens=5):
    return Sample(intended, intended + late, intended + latency, code, tokens)


def summed(samples, load=None, rows=1):
    share = SentShare(samples, cpu_seconds=0.3, seconds=3.0)
    return summary(load or OpenLoop(10.0), PERIOD, rows, [share, share])


@given(values=st.lists(st.floats(0, 1e6), min_size=1, max_size=50), fraction=st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_quantiles_are_those_of_numpy(values, fraction):
    expected = np.quantile(values, fraction, method="inverted_cdf")
    assert quantile(sorted(values), fraction) == expected


def test_warm_up_and_what_came_after_are_not_counted():
    result = summed([sample(0.9, 0.5), sample(1.0, 0.25), sample(2.9, 0.5), sample(3.0, 0.1)])
    assert result.requests == 4  # two of each process
    assert result.latency_ms["p50"] == pytest.approx(250)
    assert result.latency_ms["max"] == pytest.approx(500)
    # Answers that came in the two seconds: those due at 0.9 and at 1.0, of each process.
    assert result.requests_per_second == 2.0


def test_throughput_counts_rows_and_tokens():
    result = summed([sample(1.5, 0.1, tokens=40)], rows=8)
    assert (result.rows_per_second, result.tokens_per_second) == (8.0, 40.0)
    assert result.client_cpus == pytest.approx(0.2)


def test_errors_have_no_latency():
    result = summed([sample(1.5, 0.1), sample(1.6, 9.0, "DEADLINE_EXCEEDED")])
    assert result.errors == {"DEADLINE_EXCEEDED": 2}
    assert result.latency_ms["max"] == pytest.approx(100)
    assert result.requests_per_second == 1.0


def test_nothing_but_errors(tmp_path):
    result = summed([sample(1.5, 0.1, "UNAVAILABLE")])
    assert result.latency_ms is None
    assert result.latency_quantiles_ms == []
    assert "2 UNAVAILABLE" in table_line(result)
    write_report(tmp_path / "report.json", {"server": "a:1"}, [result])
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["server"] == "a:1"
    assert report["loads"][0]["errors"] == {"UNAVAILABLE": 2}
    assert report["loads"][0]["latency_ms"] is None


def test_being_late_counts_in_open_loops_only():
    samples = [sample(1.5, 0.2, late=0.05)]
    assert summed(samples).sent_late_p99_ms == pytest.approx(50)
    assert summed(samples, ClosedLoop(4)).sent_late_p99_ms is None


def test_columns_stand_below_their_heads():
    line = table_line(summed([sample(1.5, 0.1)]))
    assert len(line) == len(heading())
    assert line.startswith("10 requests/s ")
    assert str(ClosedLoop(1)) == "1 client"


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shares_add_up(count):
    clients = [ClosedLoop(32).share(index, count).concurrency for index in range(count)]
    assert sum(clients) == 32
    assert max(clients) - min(clients) <= 1
    rates = [OpenLoop(50.0).share(index, count).rate for index in range(count)]
    assert math.isclose(sum(rates), 50.0)
