"""Which CPUs the server may use, and what follows from it."""

import os

import pytest
from running_server import running_server

from keras_bert_cls.cpus import bind_to_cpus, usable_cpus
from keras_bert_cls.errors import UserError
from keras_bert_cls.server import model_server


@pytest.fixture
def eight_cpus(monkeypatch):
    """Makes the process believe that it may use CPUs 0 to 7; gives what it binds itself to."""
    bound = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, chosen: bound.append(chosen))
    return bound


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("10000 100000\n", 1),
        ("6400000 100000\n", 8),
        ("nonsense", 8),
        (None, 8),
    ],
)
def test_a_containers_quota(tmp_path, eight_cpus, limit, expected):
    file = tmp_path / "cpu.max"
    if limit is not None:
        file.write_text(limit)
    assert usable_cpus(file) == expected


@pytest.mark.parametrize(
    ("cpu_list", "expected"),
    [("0", {0}), ("0-3,7", {0, 1, 2, 3, 7}), ("2-2, 5", {2, 5}), ("1,1-2", {1, 2})],
)
def test_lists(eight_cpus, cpu_list, expected):
    bind_to_cpus(cpu_list)
    assert eight_cpus == [expected]


@pytest.mark.parametrize("cpu_list", ["", ",", "a", "1-", "-1", "3-1", "0;1", "1-2-3", "٣"])
def test_what_is_no_list(eight_cpus, cpu_list):
    with pytest.raises(UserError, match="expected numbers and ranges such as 0-3,8"):
        bind_to_cpus(cpu_list)
    assert eight_cpus == []


def test_cpus_that_are_not_there(eight_cpus):
    with pytest.raises(UserError, match=r"may use \(0,1,2,3,4,5,6,7\), got 6-8"):
        bind_to_cpus("6-8")
    assert eight_cpus == []


def test_a_system_without_binding(monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity")
    with pytest.raises(UserError, match="cannot bind"):
        bind_to_cpus("0")


@pytest.mark.parametrize(("usable", "given", "workers"), [(8, 0, 8), (1, 0, 1), (8, 3, 3)])
def test_workers(tmp_path, classifier_folder, monkeypatch, usable, given, workers):
    (tmp_path / "1").symlink_to(classifier_folder)
    monkeypatch.setattr(model_server, "usable_cpus", lambda: usable)
    with running_server(tmp_path, num_batch_threads=given) as server:
        assert server.server._batcher._idle_workers == workers


def test_this_machine():
    assert 1 <= usable_cpus() <= (os.cpu_count() or 1)
