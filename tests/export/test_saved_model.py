"""export_saved_model: the folder it writes, and what is left when it fails."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from tiny_trained_models import LABELS, TOKENS, logits_of, make_trained_model, softmax

import keras_bert_cls as kbc
from keras_bert_cls.export import saved_model
from keras_bert_cls.export.saved_graph import read_saved_model
from keras_bert_cls.export.saved_model import export_saved_model
from keras_bert_cls.export.verify import VerificationError
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel

# Every TensorFlow Serving since 2.16 links them.
TEXT_OPS = {"FastBertNormalize", "FastWordpieceTokenizeWithOffsets"}
TEXTS = ["the movie was good", "很好看！", "", "bad"]


@pytest.fixture(scope="module")
def export(exported):
    return exported("single_label")


def test_files(export):
    files = {str(f.relative_to(export.folder)) for f in export.folder.rglob("*") if f.is_file()}
    assert files == {
        "saved_model.pb",
        "fingerprint.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
        "assets/vocab.txt",
        "assets/labels.txt",
        "assets.extra/model_card.json",
        "assets.extra/tf_serving_warmup_requests",
    }
    assert (export.folder / "assets/vocab.txt").read_text().split("\n") == [*TOKENS, ""]
    assert (export.folder / "assets/labels.txt").read_text().split("\n") == [*LABELS, ""]


def test_the_assets_are_declared_and_no_path_of_this_machine_is_kept(export):
    (meta_graph,) = read_saved_model(export.folder).meta_graphs
    assert {a.filename for a in meta_graph.asset_file_def} == {"vocab.txt", "labels.txt"}
    raw = (export.folder / "saved_model.pb").read_bytes()
    assert os.fsencode(export.folder.parent) not in raw
    assert b"/tmp" not in raw


def test_every_weight_is_stored_once_and_nothing_of_keras(export):
    weights = sum(weight.numpy().nbytes for weight in export.trained.model.weights)
    data = (export.folder / "variables/variables.data-00000-of-00001").stat().st_size
    assert weights <= data < 1.2 * weights + 2000  # The object graph is stored with the weights.
    (meta_graph,) = read_saved_model(export.folder).meta_graphs
    nodes = meta_graph.object_graph_def.nodes
    variables = [node for node in nodes if node.WhichOneof("kind") == "variable"]
    assert len(variables) == len(export.trained.model.weights)
    objects = {
        node.user_object.identifier for node in nodes if node.WhichOneof("kind") == "user_object"
    }
    assert objects <= {"_generic_user_object", "trackable_list_wrapper", "signature_map"}


def test_the_ops_of_tensorflow_text_are_the_two_that_servers_have(export, exported):
    for folder in (export.folder, exported("masked_lm").folder):
        (meta_graph,) = read_saved_model(folder).meta_graphs
        ops = {node.op for f in meta_graph.graph_def.library.function for node in f.node_def}
        assert {op for op in ops if "Bert" in op or "iece" in op} == TEXT_OPS


def test_model_card(export):
    card = json.loads((export.folder / "assets.extra/model_card.json").read_text(encoding="utf-8"))
    assert card["task"] == "single_label"
    assert card["labels"] == [*LABELS]
    assert card["max_length"] == 24
    assert card["tokenizer"]["lowercase"] is True
    assert card["tokenizer"]["vocabulary_size"] == len(TOKENS)
    assert card["training"] == {"scores": {"accuracy": 0.5}}
    assert card["versions"]["keras_bert_cls"] == kbc.__version__
    assert card["versions"].keys() >= {"tensorflow", "tensorflow_text", "keras"}


def test_loads_in_a_fresh_process_from_anywhere_without_this_package(export, tmp_path):
    moved = tmp_path / "elsewhere" / "1"
    shutil.copytree(export.folder, moved)
    program = """
import json, sys
import tensorflow as tf
import tensorflow_text
loaded = tf.saved_model.load(sys.argv[1])
texts = tf.constant(json.loads(sys.argv[2]))
answer = loaded.signatures["serving_default"](text=texts)
assert not any(name.startswith("keras_bert_cls") for name in sys.modules)
print(json.dumps({
    "probabilities": answer["probabilities"].numpy().tolist(),
    "label": [label.decode() for label in answer["label"].numpy()],
}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(moved), json.dumps(TEXTS)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    expected = softmax(logits_of(export.trained, TEXTS))
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)
    assert answer["label"] == [LABELS[index] for index in expected.argmax(-1)]


def test_version_numbers_and_options(export, tmp_path):
    with pytest.raises(kbc.UserError, match="version 4 exists"):
        (tmp_path / "4").mkdir()
        export_saved_model(export.trained, tmp_path, version=4)
    folder = export_saved_model(export.trained, tmp_path, warmup=False, pad_to_multiple_of=1)
    assert folder == tmp_path / "5"
    assert [f.name for f in (folder / "assets.extra").iterdir()] == ["model_card.json"]


@pytest.mark.parametrize("card", [{"scores": float("nan")}, {"model": object()}])
def test_a_model_card_that_json_cannot_hold_is_refused(export, tmp_path, card):
    with pytest.raises(kbc.UserError, match="model_card must hold what JSON can"):
        export_saved_model(export.trained, tmp_path, model_card=card)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "settings",
    [
        ModelSettings("single_label", ("one", "two"), max_length=24),
        ModelSettings("regression", max_length=24),
    ],
)
def test_settings_of_another_model_are_refused(export, tmp_path, settings):
    with pytest.raises(kbc.UserError, match="the model has 3 outputs"):
        export_saved_model(
            TrainedModel(export.trained.model, export.trained.tokenizer, settings), tmp_path
        )
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_fails_on_long_texts_leaves_nothing(tmp_path):
    trained = make_trained_model("single_label", max_length=24, positions=16)
    with pytest.raises(VerificationError, match="max_length 24"):
        export_saved_model(trained, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_different_scores_leave_nothing(export, tmp_path, monkeypatch):
    write = saved_model._write_saved_model

    def write_another_model(trained, signatures, folder):
        write(trained, signatures, folder)
        bias = trained.model.get_layer("logits").bias
        bias.assign(bias.numpy() + np.array([0.01, 0.0, 0.0]))

    trained = make_trained_model("single_label")
    monkeypatch.setattr(saved_model, "_write_saved_model", write_another_model)
    with pytest.raises(VerificationError, match="differs from the Keras model by"):
        export_saved_model(trained, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_explained_and_leaves_nothing(export, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(kbc.UserError, match="could not be written"):
            export_saved_model(export.trained, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_made_is_explained(export, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(kbc.UserError, match="could not be written"):
        export_saved_model(export.trained, tmp_path / "file" / "exports")


def test_a_killed_export_leaves_no_version(export, tmp_path):
    export.trained.save(tmp_path / "run")
    program = """
import sys
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.export import saved_model

def pause(folder, card):
    print("half-way", flush=True)
    sys.stdin.read()

saved_model.write_model_card = pause
saved_model.export_saved_model(TrainedModel.load(sys.argv[1]), sys.argv[2])
"""
    output = tmp_path / "exports"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "run"), str(output)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"half-way\n"
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    (leftover,) = output.iterdir()
    assert (leftover / "saved_model.pb").exists()
    assert not leftover.name.isdigit()
