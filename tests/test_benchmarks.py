"""What the benchmarks compute beside times."""

import re

import numpy as np
import pytest

from benchmarks import levers
from benchmarks.file_size import write_file
from benchmarks.file_size_worker import memory_fields
from benchmarks.interleaved import ratio
from benchmarks.lever_model import EXPORTS
from benchmarks.models import sizes_of
from benchmarks.op_profile import Event, OpTime, self_times
from benchmarks.peers.batch_file import read_batches, write_batches
from benchmarks.peers.timed_batches import timed_calls
from benchmarks.profile_ops import table
from benchmarks.quick import moved


def test_ratios_that_moved_are_told():
    baseline = {"same": 2.0, "within a tenth": 2.0, "slower": 2.0, "gone": 1.0}
    found = {"same": 2.0, "within a tenth": 2.19, "slower": 2.5, "new": 1.0}
    assert moved(found, baseline) == [
        "gone: only in the baseline",
        "new: only in this run",
        "slower: 2.00 -> 2.50 times ours (+25%)",
    ]
    assert moved(baseline, baseline) == ["no ratio moved by more than 10 %"]


def test_the_ratio_is_of_the_same_rounds():
    compared = ratio([2.0, 30.0, 4.0], [1.0, 10.0, 4.0])
    assert compared.median == 2.0


def test_heads_are_32_or_64_wide():
    assert sizes_of("12x768")["num_heads"] == 12
    assert sizes_of("6x384")["num_heads"] == 12
    assert sizes_of("2x128") == {
        "num_layers": 2,
        "hidden_dim": 128,
        "num_heads": 4,
        "intermediate_dim": 512,
    }


def test_what_stands_within_an_op_is_not_its_own_time():
    events = [
        Event("call", 0, 100),
        Event("matmul", 10, 40),
        Event("inner", 20, 5),
        Event("matmul", 60, 30),
        Event("call", 100, 7),  # right behind the first one, not in it
    ]
    found = self_times(reversed(events))
    assert found == {
        "call": OpTime(2, 100 - 40 - 30 + 7),
        "matmul": OpTime(2, 40 - 5 + 30),
        "inner": OpTime(1, 5),
    }


def test_the_profile_adds_up_to_all():
    times = {"a": OpTime(8, 0.4), "b": OpTime(2, 0.2), "c": OpTime(6, 0.1), "d": OpTime(2, 0.1)}
    rows = table(times, seconds=1.0, repeats=2, top=2)
    assert [(row["op"], row["calls"], row["share"]) for row in rows] == [
        ("a", 4, "40.0%"),
        ("b", 1, "20.0%"),
        ("other ops", 4, "20.0%"),
        ("between ops", 0, "20.0%"),
        ("all", 9, "100.0%"),
    ]
    assert [round(row["ms"]) for row in rows] == [200, 100, 100, 100, 500]


def test_memory_is_read_from_the_status_of_a_process():
    status = "Name:\tpython\nVmHWM:\t  2048 kB\nRssAnon:\t    1024 kB\nThreads:\t4\n"
    assert memory_fields(status) == {"VmHWM": 2.0, "RssAnon": 1.0}


@pytest.mark.parametrize("name", ["rows.tsv", "text.txt"])
def test_generated_files_have_whole_lines_and_their_size(tmp_path, name):
    path = tmp_path / name
    write_file(path, 300_000, block_lines=1000)
    content = path.read_bytes()
    assert 299_000 < len(content) <= 300_000
    lines = content.decode().split("\n")
    assert lines.pop() == ""
    if name == "rows.tsv":
        assert lines[0] == "text\tlabel"
        assert all(re.fullmatch(r"[a-z ]+\tlabel_\d", line) for line in lines[1:])
    else:
        assert not lines[20] and all(lines[:20])


def test_batches_come_back_from_their_file(tmp_path):
    batches = [
        {"token_ids": np.arange(6).reshape(2, 3) + number, "weights": np.ones(number)}
        for number in range(11)  # of which 10 sorts before 2
    ]
    write_batches(tmp_path / "batches.npz", batches)
    found = read_batches(tmp_path / "batches.npz")
    assert len(found) == 11
    for one, other in zip(found, batches, strict=True):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_calls_are_timed_in_their_order():
    called = []
    found = timed_calls(called.append, ["a", "b"])
    assert called == ["a", "b"]
    assert {name: len(times) for name, times in found.items()} == {
        "seconds": 2,
        "processor_seconds": 2,
    }


def test_levers_compare_ways_that_there_are():
    for before, after in levers.LEVERS.values():
        assert {before, after} <= levers.EXPORTED.keys() | levers.TRAINED.keys()
    assert {way.export for way in levers.EXPORTED.values()} == set(EXPORTS)
