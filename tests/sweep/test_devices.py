"""Each worker's share of the machine."""

import pytest

from keras_bert_cls.sweep.devices import visible_gpus, worker_environment


@pytest.mark.parametrize(
    ("given", "gpus"),
    [("0,2", ["0", "2"]), ("", []), ("-1", []), ("GPU-ab", ["GPU-ab"]), (None, ["0", "1"])],
)
def test_visible_gpus(tmp_path, monkeypatch, given, gpus):
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / name).mkdir()
    if given is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert visible_gpus(tmp_path) == gpus
    if given is None:
        assert visible_gpus(tmp_path / "no driver") == []


def test_workers_have_a_gpu_each_or_share():
    own = [worker_environment(worker, 2, ["4", "7"]) for worker in range(2)]
    assert [one["CUDA_VISIBLE_DEVICES"] for one in own] == ["4", "7"]
    assert "TF_FORCE_GPU_ALLOW_GROWTH" not in own[0]
    shared = worker_environment(2, 3, ["4", "7"])
    assert shared["CUDA_VISIBLE_DEVICES"] == "4"
    assert shared["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert "CUDA_VISIBLE_DEVICES" not in worker_environment(0, 1, [])


def test_workers_share_the_cpus(monkeypatch):
    monkeypatch.setattr("keras_bert_cls.sweep.devices.usable_cpus", lambda: 8)
    assert worker_environment(0, 3, [])["TF_NUM_INTRAOP_THREADS"] == "2"
    assert worker_environment(0, 20, [])["OMP_NUM_THREADS"] == "1"
