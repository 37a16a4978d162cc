"""Classifier: the same predictions from a run and from its export."""

import threading

import numpy as np
import pytest
import tensorflow as tf
from tiny_trained_models import LABELS, make_trained_model

import keras_bert_cls as kbc
from keras_bert_cls import inference
from keras_bert_cls.inference import Classifier
from keras_bert_cls.predictions import Prediction

TEXTS = ["the movie was good", "很好看！", "", "bad " * 40, "half a pair \ud83d of surrogates"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Returns the workdir and the export of a task, made at the first call."""
    made = {}

    def get(task, text_pair=False):
        if (task, text_pair) not in made:
            base = tmp_path_factory.mktemp(task)
            trained = make_trained_model(task, text_pair=text_pair)
            trained.save(base / "run")
            kbc.export_saved_model(trained, base / "export", warmup=False)
            made[task, text_pair] = base / "run", base / "export"
        return made[task, text_pair]

    return get


@pytest.mark.parametrize("task", ["single_label", "multi_label"])
def test_a_run_and_its_export_classify_alike(folders, task):
    run, export = (Classifier.load(folder) for folder in folders(task))
    assert run.labels == export.labels == LABELS
    assert run.task == export.task == task
    ours, theirs = run.predict(TEXTS), export.predict(TEXTS)
    assert len(ours) == len(TEXTS)
    for a, b in zip(ours, theirs, strict=True):
        assert a.label == b.label == max(a.probabilities, key=a.probabilities.get)
        assert a.score == a.probabilities[a.label]
        assert a.value is None
        assert tuple(a.probabilities) == LABELS
        assert a.probabilities == pytest.approx(b.probabilities, abs=1e-5)
        if task == "single_label":
            assert sum(a.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert len({round(prediction.score, 4) for prediction in ours}) > 1


def test_a_run_and_its_export_regress_alike(folders):
    run, export = (Classifier.load(folder) for folder in folders("regression", True))
    assert run.text_pair and export.text_pair
    assert run.labels == ()
    ours, theirs = run.predict(TEXTS, TEXTS[::-1]), export.predict(TEXTS, TEXTS[::-1])
    assert [p.value for p in ours] == pytest.approx([p.value for p in theirs], abs=1e-5)
    assert ours[0] == Prediction(value=ours[0].value)


def test_the_batch_size_changes_nothing(folders):
    classifier = Classifier.load(folders("single_label")[1])
    one_by_one = classifier.predict(TEXTS, batch_size=1)
    for a, b in zip(one_by_one, classifier.predict(iter(TEXTS), batch_size=3), strict=True):
        assert a.probabilities == pytest.approx(b.probabilities, abs=1e-5)
    assert classifier.predict([]) == []


def test_a_stream_is_read_a_batch_ahead(folders):
    classifier = Classifier.load(folders("single_label")[1])
    read = []

    def texts():
        for number in range(100):
            read.append(number)
            yield "the movie"

    predictions = classifier.predict_iter(texts(), batch_size=4)
    assert read == []
    next(predictions)
    assert read == [0, 1, 2, 3]
    assert len(list(predictions)) == 99


def test_parts_of_a_batch_run_at_the_same_time(monkeypatch):
    monkeypatch.setattr(inference, "usable_cpus", lambda: 2)
    both, batches = threading.Barrier(2, timeout=60), []

    def call(signature, inputs):
        both.wait()
        batches.append(len(inputs["text"]))
        return {"value": np.array([len(text) for text in inputs["text"]])}

    texts = ["word" * (100 + number) for number in range(8)]
    predictions = Classifier(call, "regression", (), False).predict(texts, batch_size=4)
    assert batches == [2] * 4
    assert [prediction.value for prediction in predictions] == [len(text) for text in texts]


def test_a_gpu_takes_a_batch_whole(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["one"])
    batches = []

    def call(signature, inputs):
        batches.append(len(inputs["text"]))
        return {"value": np.zeros(batches[-1])}

    Classifier(call, "regression", (), False).predict(["word" * 100] * 8, batch_size=8)
    assert batches == [8]


def test_the_newest_finished_version_is_taken(folders, tmp_path):
    _, export = folders("single_label")
    (tmp_path / "9").symlink_to(export / "1")
    (tmp_path / "10").symlink_to(folders("multi_label")[1] / "1")
    (tmp_path / "11").mkdir()  # As in TensorFlow Serving, an empty folder serves nothing.
    assert Classifier.load(tmp_path).task == "multi_label"
    assert Classifier.load(tmp_path / "9").task == "single_label"


def test_folders_without_a_model_are_refused(folders, tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(kbc.UserError, match=r"holds no model. Expected the --workdir"):
            Classifier.load(folder)
    for folder in folders("masked_lm"):
        with pytest.raises(kbc.UserError, match="is a masked language model"):
            Classifier.load(folder)


def test_exports_of_other_programs_and_broken_ones_are_refused(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(kbc.UserError, match="was not exported by bertcls-export"):
        Classifier.load(tmp_path)
    card = tmp_path / "assets.extra" / "model_card.json"
    card.parent.mkdir()
    for text, message in (
        ("{", "is broken"),
        ("[]", "has format None"),
        ('{"format": 99}', "has format 99"),
        (
            '{"format": 1, "task": "regression", "labels": [], "text_pair": false}',
            "holds no SavedModel that can be loaded",
        ),
    ):
        card.write_text(text)
        with pytest.raises(kbc.UserError, match=message):
            Classifier.load(tmp_path)


def test_wrong_arguments_are_refused(folders):
    single = Classifier.load(folders("single_label")[1])
    pair = Classifier.load(folders("regression", True)[1])
    for classifier, arguments, message in (
        (single, ["one text"], "expected an iterable of strings as text, got one"),
        (single, [["a"], ["b"]], "takes one text: leave out text_pairs"),
        (single, [["a", None]], "text number 1 .* must be a string, got NoneType"),
        (single, [["a"], None, 0], "batch_size must be at least 1"),
        (pair, [["a"]], "takes two texts: give text_pairs"),
        (pair, [["a", "b"], ["c"]], "text_pair ends after 1"),
        (pair, [["a"], ["b", "c"]], "text ends after 1"),
        (pair, [["a"], "b"], "expected an iterable of strings as text_pair"),
    ):
        with pytest.raises(kbc.UserError, match=message):
            classifier.predict(*arguments)
