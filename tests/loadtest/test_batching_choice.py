"""Batching parameters out of measurements whose choice is known."""

import dataclasses
import pathlib

import pytest
from fake_serving import FakeServing, fake_serving
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.client.endpoint import Endpoint
from keras_bert_cls.client.requests import ModelChoice
from keras_bert_cls.errors import UserError
from keras_bert_cls.loadtest.batch_timings import (
    BatchTiming,
    by_length,
    measure_batch,
    powers_of_two,
)
from keras_bert_cls.loadtest.batching_choice import (
    BatchingChoice,
    Bounds,
    choose_allowed_sizes,
    choose_batch_size,
    choose_queue,
    choose_threads,
)
from keras_bert_cls.loadtest.batching_file import batching_file
from keras_bert_cls.loadtest.load import Question
from keras_bert_cls.loadtest.tuning import Effort, tune
from keras_bert_cls.server.batching_parameters import with_batching_parameters
from keras_bert_cls.server.options import ServerOptions

BOUNDS = Bounds(largest_request=1, max_batch_ms=100.0, max_wait_ms=1000.0)


def timing(rows, milliseconds, threads=1):
    return BatchTiming(rows, threads, milliseconds, threads * rows * 1000 / milliseconds)


def test_the_smallest_batch_of_nearly_the_best_throughput():
    # 100, 160, 195 and 200 texts a second: four are as good as eight.
    timings = [timing(1, 10), timing(2, 12.5), timing(4, 20.5), timing(8, 40)]
    assert choose_batch_size(timings, BOUNDS) == 4


def test_batches_are_no_slower_than_allowed():
    timings = [timing(1, 10), timing(2, 12.5), timing(4, 20.5), timing(8, 40)]
    assert choose_batch_size(timings, dataclasses.replace(BOUNDS, max_batch_ms=15.0)) == 2
    assert choose_batch_size(timings, dataclasses.replace(BOUNDS, max_batch_ms=5.0)) == 1


def test_the_largest_request_must_fit():
    timings = [timing(1, 10), timing(2, 20), timing(4, 40)]
    assert choose_batch_size(timings, BOUNDS) == 1
    assert choose_batch_size(timings, dataclasses.replace(BOUNDS, largest_request=32)) == 32


def test_threads_that_gain_nothing_are_left_out():
    assert choose_threads([timing(8, 10, 1), timing(8, 11, 2), timing(8, 21.5, 4)]).threads == 2
    assert choose_threads([timing(8, 10, 1), timing(8, 20, 2)]).threads == 1


@pytest.mark.parametrize(
    ("partial_ms", "expected"),
    [(30.0, ()), (40.0, (1, 2, 4, 8, 16, 32)), (45.0, (1, 2, 4, 8, 16, 32))],
)
def test_batches_are_padded_only_where_that_costs_nothing(partial_ms, expected):
    assert choose_allowed_sizes(timing(32, 40.0), timing(24, partial_ms)) == expected
    assert choose_allowed_sizes(timing(1, 5.0), timing(1, 6.0)) == ()


@given(rows=st.integers(2, 300))
@settings(max_examples=50, deadline=None)
def test_the_last_allowed_size_is_the_largest_batch(rows):
    sizes = choose_allowed_sizes(timing(rows, 10.0), timing(rows - 1, 10.0))
    assert list(sizes) == sorted(set(sizes))
    assert sizes[-1] == rows


def test_the_queue_is_as_long_as_a_request_may_wait():
    # Two threads finish 2 batches each 50 ms: 40 in a second.
    assert choose_queue(timing(32, 50.0, threads=2), BOUNDS) == 40
    assert choose_queue(timing(32, 5000.0), BOUNDS) == 1


@pytest.mark.parametrize("allowed", [(), (1, 2, 4, 6)])
def test_the_embedded_server_reads_the_file(tmp_path, allowed):
    choice = BatchingChoice(6, 3, 40, allowed)
    path = pathlib.Path(tmp_path / "batching.config")
    tables = {"Texts:": [timing(1, 10), timing(2, 12.5)]}
    path.write_text(batching_file(["On a machine."], tables, choice), encoding="utf-8")
    read = with_batching_parameters(ServerOptions(batching_parameters_file=path))
    assert (read.max_batch_size, read.num_batch_threads, read.max_enqueued_batches) == (6, 3, 40)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["# On a machine.", "#"]
    assert "#       2          1     12.50     160.0" in lines
    assert [line for line in lines if line.startswith("allowed_batch_sizes")] == [
        f"allowed_batch_sizes: {size}" for size in allowed
    ]


def test_lengths():
    texts = [b"x" * (4 * length) for length in (5, 1, 4, 2, 3, 9, 8, 7, 6, 0)]
    found = by_length(texts, 0.2)
    assert [len(text) // 4 for text in found["shortest"]] == [0, 1]
    assert [len(text) // 4 for text in found["longest"]] == [8, 9]
    assert by_length([b"a"], 0.1) == {"shortest": [b"a"], "longest": [b"a"]}
    assert powers_of_two(20) == [1, 2, 4, 8, 16]


def question(address, **more):
    return Question(
        endpoint=Endpoint(address),
        model=ModelChoice("m"),
        signature_name="serving_default",
        inputs=("text",),
        texts=[b"x" * length for length in range(40)],
        **more,
    )


def test_tuning_asks_for_all_sizes_and_lengths():
    service = FakeServing()
    told = []
    with fake_serving(service) as address:
        tables, choice = tune(
            question(address),
            Effort(largest_batch=4, most_threads=2, seconds=0.05),
            dataclasses.replace(BOUNDS, largest_request=4),
            lambda title, measured: told.append((title, measured)),
        )
    assert [(title, one) for title, measured in tables.items() for one in measured] == told
    assert [one.rows for one in tables["Texts as they come:"]] == [1, 2, 4]
    assert [one.threads for one in tables["Batches at a time:"]] == [1, 2]
    assert [one.rows for one in tables["Three quarters of a batch:"]] == [3]
    assert choice.max_batch_size == 4


def test_slow_batches_are_measured_for_longer():
    """No batch is answered within the seconds that were asked for."""
    service = FakeServing()
    with fake_serving(service) as address:
        assert measure_batch(question(address), 1, 1, seconds=1e-4).rows == 1
    assert len(service.requests) >= 3


def test_a_server_that_refuses_is_no_measurement():
    service = FakeServing()
    service.may_answer.clear()
    with (
        fake_serving(service) as address,
        pytest.raises(UserError, match=r"1 batch\(es\) of 2 texts at a time: .*DEADLINE_EXCEEDED"),
    ):
        measure_batch(question(address, timeout=0.1), 2, 1, seconds=0.2)
