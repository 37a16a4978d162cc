"""Decision: what is refused, its file, and how it decides."""

import json

import numpy as np
import pytest
from tiny_trained_models import LABELS, make_trained_model

from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.decision import Decision, read_decision, write_decision
from keras_bert_cls.modeling.trained_model import TrainedModel

HALF = dict.fromkeys(LABELS, 0.5)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"temperature": 0}, "temperature must be in"),
        ({"temperature": float("nan")}, "temperature must be in"),
        ({"temperature": True}, "temperature must be in"),
        ({"temperature": "1"}, "temperature must be in"),
        ({"thresholds": [0.5]}, "thresholds must be an object of numbers"),
        ({"thresholds": {"a": 1.5, "b": None}}, "'a' must be in .* 'b' must be in"),
        ({"unknown_label": " x"}, "unknown_label must be one line"),
        ({"unknown_label": ""}, "unknown_label must be one line"),
        ({"fitted": []}, "fitted must be an object"),
    ],
)
def test_values_that_make_no_sense(fields, message):
    with pytest.raises(UserError, match=message):
        Decision(**fields)


@pytest.mark.parametrize(
    ("task", "fields", "message"),
    [
        ("regression", {}, "a regression model has no probabilities"),
        ("multi_label", {}, "must name the 3 labels of the model, got none for 'negative'"),
        ("multi_label", {"thresholds": {**HALF, "x": 0.1}}, "got one for 'x'"),
        ("multi_label", {"thresholds": HALF, "unknown_label": "x"}, "must be null"),
        ("single_label", {"thresholds": HALF}, "thresholds need unknown_label"),
        ("single_label", {"unknown_label": "x"}, "must name the 3 labels"),
        (
            "single_label",
            {"thresholds": HALF, "unknown_label": "中性"},
            "must not be one of the labels, got '中性'",
        ),
    ],
)
def test_decisions_of_other_models(task, fields, message):
    with pytest.raises(UserError, match=message):
        Decision(**fields).check(task, LABELS)


def test_the_best_label_must_reach_its_own_threshold():
    decision = Decision(1.0, {"negative": 0.5, "中性": 0.9, "positive": 0.0}, "?")
    rows = np.array([[0.5, 0.3, 0.2], [0.3, 0.6, 0.1], [0.3, 0.3, 0.4], [0.4, 0.3, 0.3]])
    assert decision.answers(rows, LABELS) == ["negative", "?", "positive", "?"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_probability_that_equals_its_threshold_reaches_it(dtype):
    decision = Decision(1.0, {"a": 0.7, "b": 0.1}, "?")
    equal = np.array([[0.7, 0.1]], dtype)
    assert decision.reached(equal, ("a", "b")).tolist() == [[True, True]]
    below = np.nextafter(equal, dtype(0))
    assert decision.reached(below, ("a", "b")).tolist() == [[False, False]]


def test_the_file_holds_it_all(tmp_path):
    decision = Decision(1.25, HALF, "不知道", {"rows": 3, "after": {"nll": 0.1}})
    write_decision(tmp_path, decision)
    assert read_decision(tmp_path, "single_label", LABELS) == decision
    content = (tmp_path / "decision.json").read_text(encoding="utf-8")
    assert "不知道" in content
    assert json.loads(content)["thresholds"] == HALF
    assert [path.name for path in tmp_path.iterdir()] == ["decision.json"]
    write_decision(tmp_path, None)
    write_decision(tmp_path, None)
    assert read_decision(tmp_path, "single_label", LABELS) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "Expecting property name"),
        (b"\xff", "can't decode"),
        (b"[]", "expected a JSON object with temperature, thresholds, unknown_label, fitted"),
        (b'{"temperature": 1, "colour": 2}', "colour"),
        (b'{"temperature": -1}', "temperature must be in"),
        (b'{"thresholds": {"other": 0.5}, "unknown_label": "x"}', "none for 'negative'"),
    ],
)
def test_a_broken_file_says_what_to_do(tmp_path, content, message):
    (tmp_path / "decision.json").write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_decision(tmp_path, "single_label", LABELS)
    assert str(caught.value).startswith(f"{tmp_path}/decision.json: ")
    assert "bertcls-calibrate --remove" in str(caught.value)


def test_models_with_and_without_a_decision(tmp_path):
    trained = make_trained_model("single_label")
    trained.save(tmp_path)  # as every folder was before there were decisions
    assert TrainedModel.load(tmp_path).decision is None
    trained.decision = Decision(2.0, HALF, "?")
    trained.save(tmp_path)
    assert TrainedModel.load(tmp_path).decision == trained.decision
    make_trained_model("single_label").save(tmp_path)  # another model does not inherit it
    assert TrainedModel.load(tmp_path).decision is None
