"""Dev scores from a metrics.jsonl that grows and is cut."""

import json
import math

import pytest

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.errors import UserError
from keras_bert_cls.sweep.dev_scores import DevScores, best_score, is_minimized, sweep_metric
from keras_bert_cls.training.config import METRICS, FinetuneConfig, TrainConfig
from keras_bert_cls.training.metrics_file import MetricsFile


def test_scores_follow_a_run_that_is_resumed(tmp_path):
    scores = DevScores(tmp_path, "accuracy")
    assert scores.read() == []
    file = MetricsFile(tmp_path / "metrics.jsonl", 0)
    for step in (5, 10, 15):
        file.write({"step": step, "kind": "train", "loss": 1.0})
        file.write({"step": step, "kind": "dev", "accuracy": step / 100, "loss": 0.5})
    assert scores.read() == [0.05, 0.1, 0.15]
    with (tmp_path / "metrics.jsonl").open("a") as half:
        half.write(json.dumps({"step": 20, "kind": "dev", "accuracy": 0.2})[:-4])
    assert scores.read() == [0.05, 0.1, 0.15]
    resumed = MetricsFile(tmp_path / "metrics.jsonl", 10)
    assert scores.read() == [0.05, 0.1]
    resumed.write({"step": 15, "kind": "dev", "accuracy": math.inf})
    first, second, third = scores.read()
    assert (first, second) == (0.05, 0.1)
    assert math.isnan(third)


def test_what_is_swept_for():
    data = ClassificationData(dev_files=("d",))
    assert sweep_metric(FinetuneConfig(data=data)) == METRICS["single_label"][0]
    named = FinetuneConfig(data=data, train=TrainConfig(epochs=1, metric="loss"))
    assert sweep_metric(named) == "loss"
    with pytest.raises(UserError, match="dev_files"):
        sweep_metric(FinetuneConfig())


def test_directions_are_those_of_training():
    from keras_bert_cls.training.trainer import Trainer

    for metric in {metric for metrics in METRICS.values() for metric in metrics}:
        assert Trainer._better(metric, 1.0, 2.0) == is_minimized(metric)
        best = best_score(metric, [2.0, 1.0, 3.0])
        assert not any(Trainer._better(metric, other, best) for other in (2.0, 1.0, 3.0))
