"""What the workers of one machine are told."""

import json
import socket

import pytest

from keras_bert_cls.errors import UserError
from keras_bert_cls.launching.local_team import worker_environments
from keras_bert_cls.launching.options import LaunchOptions
from keras_bert_cls.launching.ports import reserved_ports


def environments(ports=(1111, 2222, 3333), **options):
    options = LaunchOptions(**options)
    return list(worker_environments(options, ports[: options.workers]))


def test_workers_know_each_other_by_tf_config():
    found = [json.loads(each["TF_CONFIG"]) for each in environments(workers=3)]
    addresses = ["127.0.0.1:1111", "127.0.0.1:2222", "127.0.0.1:3333"]
    assert [config["cluster"] for config in found] == [{"worker": addresses}] * 3
    tasks = [{"type": "worker", "index": index} for index in range(3)]
    assert [config["task"] for config in found] == tasks


@pytest.mark.parametrize("given", [None, '{"cluster": {}}'])
def test_a_single_worker_keeps_its_tf_config(monkeypatch, given):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if given is not None:
        monkeypatch.setenv("TF_CONFIG", given)
    assert [each.get("TF_CONFIG") for each in environments(workers=1)] == [given]


@pytest.mark.parametrize(
    ("visible", "gpus", "expected"),
    [
        (None, 0, [None, None]),
        ("5", 0, ["5", "5"]),
        (None, 2, ["0,1", "2,3"]),
        ("3,5,6", 1, ["3", "5"]),
        ("GPU-aa,GPU-bb", 1, ["GPU-aa", "GPU-bb"]),
    ],
)
def test_gpus_are_shared_out(monkeypatch, visible, gpus, expected):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = environments(workers=2, gpus=gpus)
    assert [each.get("CUDA_VISIBLE_DEVICES") for each in found] == expected


def test_too_few_gpus(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    with pytest.raises(UserError, match=r"need 4 GPUs, CUDA_VISIBLE_DEVICES=0,1,2 has 3"):
        environments(workers=2, gpus=2)


def test_output_of_workers_is_not_held_back(monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    assert environments(workers=1)[0]["PYTHONUNBUFFERED"] == "1"


def test_reserved_ports_are_ours_and_then_free():
    with reserved_ports(20) as ports:
        assert len(set(ports)) == 20
        for port in ports:
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", port))
    for port in ports:
        with socket.socket() as worker:
            worker.bind(("127.0.0.1", port))


def test_reserved_ports_are_none_that_the_system_hands_out():
    with reserved_ports(20) as ports, socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        low, high = min(ports), max(ports)
        assert not low <= other.getsockname()[1] <= high
