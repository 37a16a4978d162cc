"""Which tf.distribute strategy a run gets, and what is refused."""

import json

import pytest
import tensorflow as tf

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.run_options import RunOptions
from keras_bert_cls.training.strategy import make_strategy

CLUSTER = {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)


@pytest.mark.parametrize("kind", ["auto", "one"])
def test_one_device_is_the_rule(kind):
    strategy = make_strategy(RunOptions(strategy=kind))
    assert isinstance(strategy, tf.distribute.OneDeviceStrategy)
    assert strategy.num_replicas_in_sync == 1


def test_mirrored_on_one_device():
    strategy = make_strategy(RunOptions(strategy="mirrored", devices=1))
    assert isinstance(strategy, tf.distribute.MirroredStrategy)


def test_a_cluster_of_one_in_the_environment_is_one_device(monkeypatch):
    content = {"cluster": {"worker": ["127.0.0.1:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(content))
    assert isinstance(make_strategy(RunOptions()), tf.distribute.OneDeviceStrategy)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "two"}, "--strategy"),
        ({"strategy": "multi_worker"}, "needs the addresses of all workers"),
        ({"communication": "mpi"}, "--communication"),
        ({"devices": -1}, "--devices must be at least 0"),
        ({"cluster": ("a:1", "b:1"), "task": 2}, r"--task must be in \[0, 2\)"),
        ({"profile_steps": (5, 4)}, "--profile_steps must be FIRST:LAST"),
        ({"peak_tflops": -1.0}, "--peak_tflops"),
        ({"log_format": "xml"}, "--log_format"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        make_strategy(RunOptions(**options))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "TF_CONFIG must be"),
        ("[1]", "TF_CONFIG must be"),
        (json.dumps({"cluster": CLUSTER}), "TF_CONFIG must be.*task"),
        (
            json.dumps({"cluster": CLUSTER, "task": {"type": "worker", "index": 2}}),
            "is not in the cluster",
        ),
        (
            json.dumps({"cluster": CLUSTER, "task": {"type": "chief", "index": 0}}),
            "is not in the cluster",
        ),
        (
            json.dumps(
                {"cluster": {**CLUSTER, "ps": ["a:1"]}, "task": {"type": "worker", "index": 0}}
            ),
            "names ps; a cluster has only chief and worker",
        ),
    ],
)
def test_a_wrong_cluster_is_refused(monkeypatch, content, message):
    monkeypatch.setenv("TF_CONFIG", content)
    with pytest.raises(UserError, match=message):
        make_strategy(RunOptions())


def test_a_worker_without_gpus_has_one_device(monkeypatch):
    cluster = ("127.0.0.1:1", "127.0.0.1:2")
    monkeypatch.setattr("keras_bert_cls.training.strategy._devices", lambda _: ["CPU:0", "CPU:1"])
    with pytest.raises(UserError, match="a worker without GPUs has one device, got 2"):
        make_strategy(RunOptions(cluster=cluster, devices=2))
