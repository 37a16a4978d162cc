"""A calibrated model says the same everywhere: run, export, fresh process, gRPC, REST, client."""

import asyncio
import dataclasses
import json
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from running_server import running_server
from tiny_trained_models import LABELS, logits_of, make_trained_model

from keras_bert_cls.client import AsyncClient, Client
from keras_bert_cls.errors import UserError
from keras_bert_cls.export import saved_model
from keras_bert_cls.export.model_card import read_model_card
from keras_bert_cls.export.saved_graph import read_saved_model
from keras_bert_cls.export.saved_model import export_saved_model
from keras_bert_cls.export.session import SavedModelSession
from keras_bert_cls.export.signatures import serving_signatures
from keras_bert_cls.export.verify import VerificationError
from keras_bert_cls.inference import Classifier
from keras_bert_cls.modeling.decision import Decision

TASKS = ("single_label", "multi_label")
TEXTS = ["the movie was good", "很好看！", "", "bad " * 40, "play play playing", "差"]
UNKNOWN = "不知道"
TEMPERATURE = 1.7


@dataclasses.dataclass
class Calibrated:
    """A calibrated model, its folders, and what it must say about TEXTS, from numpy."""

    trained: object
    run: object
    export: object
    probabilities: np.ndarray
    answers: list[str]
    selected: np.ndarray

    @property
    def version(self):
        return self.export / "1"


@pytest.fixture(scope="session")
def calibrated(tmp_path_factory):
    """Returns the calibrated model of a task; some of its answers pass the thresholds."""
    made = {}

    def get(task):
        if task not in made:
            made[task] = make(task, tmp_path_factory.mktemp(task))
        return made[task]

    return get


def make(task, folder):
    trained = make_trained_model(task)
    logits = logits_of(trained, TEXTS)
    probabilities = Decision(TEMPERATURE).probabilities(task, logits)
    # Between two texts, so that rounding moves none of them over a threshold.
    columns = np.sort(
        probabilities if task == "multi_label" else probabilities.max(-1, keepdims=True), 0
    )
    middles = np.broadcast_to((columns[2] + columns[3]) / 2, [len(LABELS)])
    unknown = UNKNOWN if task == "single_label" else None
    thresholds = dict(zip(LABELS, middles.tolist(), strict=True))
    trained.decision = Decision(TEMPERATURE, thresholds, unknown, {"rows": 6})
    trained.save(folder / "run")
    export_saved_model(trained, folder / "export", warmup=False)
    return Calibrated(
        trained,
        folder / "run",
        folder / "export",
        probabilities,
        [
            LABELS[row.argmax()] if unknown is None or row.max() >= middles[0] else unknown
            for row in probabilities
        ],
        probabilities >= middles,
    )


def assert_right(predictions, model, atol=1e-6):
    found = [list(prediction.probabilities.values()) for prediction in predictions]
    np.testing.assert_allclose(found, model.probabilities, atol=atol)
    assert [prediction.label for prediction in predictions] == model.answers
    for prediction, row, selected in zip(
        predictions, model.probabilities, model.selected, strict=True
    ):
        assert tuple(prediction.probabilities) == LABELS
        assert prediction.score == pytest.approx(row.max(), abs=atol)
        several = tuple(label for label, chosen in zip(LABELS, selected, strict=True) if chosen)
        is_multi_label = model.trained.settings.task == "multi_label"
        assert prediction.labels == (several if is_multi_label else None)


def test_the_examples_are_rejected_and_selected_in_part(calibrated):
    assert len({*calibrated("single_label").answers} - {UNKNOWN}) > 0
    assert calibrated("single_label").answers.count(UNKNOWN) == 3
    assert 0 < calibrated("multi_label").selected.sum() < 18


@pytest.mark.parametrize("task", TASKS)
def test_a_run_and_its_export(calibrated, task):
    model = calibrated(task)
    for folder in (model.run, model.export):
        assert_right(Classifier.load(folder).predict(TEXTS), model)


@pytest.mark.parametrize("task", TASKS)
def test_the_other_signatures(calibrated, task):
    model = calibrated(task)
    with SavedModelSession(model.version) as session:
        examples = []
        for text in TEXTS:
            example = tf.train.Example()
            example.features.feature["text"].bytes_list.value.append(text.encode())
            examples.append(example.SerializeToString())
        answer = session.call("classify", {"inputs": np.array(examples, object)})
    classes = [name.decode() for name in answer["classes"][0]]
    np.testing.assert_allclose(answer["scores"][:, :3], model.probabilities, atol=1e-6)
    assert classes == [*LABELS, UNKNOWN] if task == "single_label" else [*LABELS]
    assert [classes[index] for index in answer["scores"].argmax(1)] == model.answers


def test_a_fresh_process_without_this_package(calibrated):
    models = [calibrated(task) for task in TASKS]
    program = """
import json, sys
import tensorflow as tf
import tensorflow_text
text = tf.constant(json.loads(sys.argv[1]))
for folder in sys.argv[2:]:
    loaded = tf.saved_model.load(folder)
    answer = loaded.signatures["serving_default"](text=text)
    answer["label"] = [label.decode() for label in answer["label"].numpy()]
    print(json.dumps({k: v if k == "label" else v.numpy().tolist() for k, v in answer.items()}))
assert not any(name.startswith("keras_bert_cls") for name in sys.modules)
"""
    folders = [str(model.version) for model in models]
    command = [sys.executable, "-c", program, json.dumps(TEXTS), *folders]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for model, line in zip(models, done.stdout.splitlines(), strict=True):
        answer = json.loads(line)
        np.testing.assert_allclose(answer["probabilities"], model.probabilities, atol=1e-6)
        np.testing.assert_allclose(answer["score"], model.probabilities.max(1), atol=1e-6)
        assert answer["label"] == model.answers
        selected = answer.get("selected", model.selected.tolist())
        assert selected == model.selected.tolist()
    assert "selected" in answer


@pytest.mark.parametrize("task", TASKS)
def test_servers_and_clients(calibrated, task):
    model = calibrated(task)
    with running_server(model.export, rest_api_port=-1) as server:
        with Client(server.address, "tiny", batch_size=4) as client:
            assert_right(client.predict(TEXTS), model)
            classified = client.classify(TEXTS)

        async def ask():
            async with AsyncClient(server.address, "tiny") as asking:
                return await asking.predict(TEXTS)

        assert_right(asyncio.run(ask()), model)
        rows = ask_rest(server, "predict", instances=[{"text": text} for text in TEXTS])
        results = ask_rest(
            server, "classify", signature_name="classify", examples=[{"text": t} for t in TEXTS]
        )
    assert [prediction.label for prediction in classified] == model.answers
    assert [row["label"] for row in rows["predictions"]] == model.answers
    for row, selected in zip(rows["predictions"], model.selected, strict=True):
        assert row.keys() - {"selected"} == {"label", "score", "probabilities"}
        assert row.get("selected") == (selected.tolist() if task == "multi_label" else None)
    best = [max(pairs, key=lambda pair: pair[1])[0] for pairs in results["results"]]
    assert best == model.answers


def ask_rest(server, method, **body):
    request = urllib.request.Request(
        f"http://{server.rest_address}/v1/models/tiny:{method}", json.dumps(body).encode()
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


@pytest.mark.parametrize("task", TASKS)
def test_what_the_export_says_about_itself(calibrated, task):
    model = calibrated(task)
    assert read_model_card(model.version)["decision"] == model.trained.decision.to_json()
    (meta_graph,) = read_saved_model(model.version).meta_graphs
    outputs = meta_graph.signature_def["serving_default"].outputs
    expected = {"label": ("string", 1), "score": ("float32", 1), "probabilities": ("float32", 2)}
    if task == "multi_label":
        expected["selected"] = ("bool", 2)
    assert {
        name: (tf.as_dtype(t.dtype).name, len(t.tensor_shape.dim)) for name, t in outputs.items()
    } == expected


def test_the_threshold_itself_is_answered():
    """To the last bit: the graph compares as the text's own float32 probability says."""
    trained = make_trained_model("single_label")
    text = tf.constant(["the movie was good"])

    def label_and_score(threshold):
        trained.decision = Decision(TEMPERATURE, dict.fromkeys(LABELS, threshold), UNKNOWN)
        answer = serving_signatures(trained)["serving_default"](text)
        return answer["label"].numpy()[0].decode(), answer["score"].numpy()[0]

    label, score = label_and_score(0.0)
    assert label in LABELS
    assert label_and_score(float(score)) == (label, score)
    above = np.nextafter(score, np.float32(1))
    assert label_and_score(float(above)) == (UNKNOWN, score)


def test_a_multi_label_threshold_itself_is_selected():
    trained = make_trained_model("multi_label")
    text = tf.constant(["the movie was good"])

    def answer(thresholds):
        in_order = dict(zip(LABELS, thresholds.tolist(), strict=True))
        trained.decision = Decision(TEMPERATURE, in_order)
        return serving_signatures(trained)["serving_default"](text)

    row = answer(np.zeros(3))["probabilities"].numpy()[0]
    assert answer(row)["selected"].numpy().tolist() == [[True] * 3]
    above = np.nextafter(row, np.float32(1))
    assert answer(above)["selected"].numpy().tolist() == [[False] * 3]


def test_a_decision_of_another_model_is_not_exported(tmp_path):
    trained = make_trained_model("single_label")
    trained.decision = Decision(1.0, {"other": 0.5}, UNKNOWN)
    with pytest.raises(UserError, match="must name the 3 labels"):
        export_saved_model(trained, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Decision(1.9, dict.fromkeys(LABELS, 0.5), UNKNOWN), "differs from the Keras model by"),
        (Decision(1.7, dict.fromkeys(LABELS, 1.0), UNKNOWN), "the labels are|the best classes are"),
        (Decision(1.7, dict.fromkeys(LABELS, 0.5), "other"), "the classes are not|the labels are"),
    ],
)
def test_exports_that_decide_otherwise_are_noticed(tmp_path, monkeypatch, wrong, message):
    trained = make_trained_model("single_label")
    right = Decision(TEMPERATURE, dict.fromkeys(LABELS, 0.5), UNKNOWN)

    def signatures_of_another(trained, pad_to_multiple_of):
        return serving_signatures(dataclasses.replace(trained, decision=wrong), pad_to_multiple_of)

    monkeypatch.setattr(saved_model, "serving_signatures", signatures_of_another)
    with pytest.raises(VerificationError, match=message):
        export_saved_model(dataclasses.replace(trained, decision=right), tmp_path, warmup=False)
    assert list(tmp_path.iterdir()) == []
