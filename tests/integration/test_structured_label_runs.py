"""Labels that are paths or levels, the whole way: files, run, scores, export, server, client."""

import json
import shutil
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from running_server import running_server
from tiny_runs import SPECIAL_TOKENS, finetune_config, tiny_encoder
from whole_runs import read_lines

import keras_bert_cls as kbc
from keras_bert_cls.calibration.calibrate_run import calibrate_run
from keras_bert_cls.cli import predict
from keras_bert_cls.client import Client
from keras_bert_cls.data_check.check import check_data
from keras_bert_cls.evaluation.model_scores import score_model
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.training.evaluate_run import ScoredFiles, evaluate_run
from keras_bert_cls.training.finetune import finetune

PATHS = {"animal/cat": "cat", "animal/dog": "dog", "place/city/big": "city", "time": "noon"}
LEVELS = {"bad": "bad", "fair": "fair", "good": "good", "great": "great"}
WORDS = (*PATHS.values(), *LEVELS.values())
FILLERS = ("the", "a", "of", "see")
KINDS = {
    "hierarchical": {"data_label_path_separator": "/", "train_metric": "hierarchical_f1"},
    "ordinal": {"data_ordered_labels": True, "train_metric": "quadratic_kappa"},
}
SCORES = {
    "hierarchical": {"hierarchical_f1", "accuracy_level_1", "accuracy_level_2"},
    "ordinal": {"quadratic_kappa", "mean_absolute_error"},
}
TEXTS = ["see the cat", "a dog", "of good of", "", "noon"]
FRESH = """
import json, sys
import tensorflow as tf
import tensorflow_text
answer = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
outputs = answer(tf.constant(json.loads(sys.argv[2])))
print(json.dumps({name: value.numpy().tolist() for name, value in outputs.items()},
                 default=bytes.decode))
"""


def write_files(folder, words):
    random = np.random.default_rng(5)
    for split, rows in (("train", 48), ("dev", 16), ("test", 12)):
        lines = ["text\tlabel\n"]
        for number in range(rows):
            label = list(words)[number % len(words)]
            text = [*random.choice(FILLERS, random.integers(1, 4)), words[label]]
            lines.append(f"{' '.join(random.permutation(text))}\t{label}\n")
        (folder / f"{split}.tsv").write_text("".join(lines), encoding="utf-8")
    tokens = (*SPECIAL_TOKENS, *FILLERS, *WORDS)
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in tokens))
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in words))


@pytest.fixture(scope="module", params=KINDS)
def run(request, tmp_path_factory):
    """A finished run of a kind of head, its config and its export."""
    kind = request.param
    folder = tmp_path_factory.mktemp(kind)
    write_files(folder, PATHS if kind == "hierarchical" else LEVELS)
    config = finetune_config(
        folder,
        head_kind=kind,
        head_class_weight="balanced",
        head_label_smoothing=0.05,
        data_labels_file=f"{folder}/labels.txt",
        head_dropout=0.0,
        encoder=tiny_encoder(
            num_layers=1,
            hidden_dim=16,
            initializer_stddev=0.3,
            dropout=0.0,
            attention_dropout=0.0,
        ),
        train_steps=150,
        train_log_every=30,
        train_eval_every=150,
        train_checkpoint_every=150,
        **KINDS[kind],
    )
    result = finetune(config, folder / "run")
    kbc.export_saved_model(result.trained, folder / "export")
    return kind, folder, config, result


def test_it_learns_and_is_scored_by_its_structure(run):
    kind, folder, config, result = run
    lines = read_lines(folder / "run" / "metrics.jsonl")
    losses = [line["loss"] for line in lines if line["kind"] == "train"]
    assert losses[-1] < 0.7 * losses[0]
    assert SCORES[kind] < set(result.scores["test"].values)
    assert set(config.metrics) <= set(result.scores["dev"].values)
    data = ScoredFiles((f"{folder}/test.tsv",), text_column="text", label_column="label")
    expected = result.scores["test"].values
    assert evaluate_run(folder / "run", data).values == pytest.approx(expected, abs=1e-5)
    found = score_model(folder / "export", data).values
    assert found == pytest.approx({name: expected[name] for name in found}, abs=1e-5)
    assert SCORES[kind] < set(found)


def test_the_data_check_knows_the_labels(run):
    _, _, config, _ = run
    report = check_data(config.data, head=config.head)
    assert sum(report.splits["train"].labels.values()) == 48


def test_run_and_export_and_clients_answer_alike(run):
    kind, folder, _, _ = run
    run_model = kbc.Classifier.load(folder / "run")
    expected = run_model.predict(TEXTS)
    assert run_model.label_structure.ordered == (kind == "ordinal")
    with running_server(folder / "export", rest_api_port=-1) as server:
        with Client(server.address, "tiny") as client:
            served = client.predict(TEXTS)
        url = f"http://{server.rest_address}/v1/models/tiny:predict"
        body = json.dumps({"instances": TEXTS}).encode()
        with urllib.request.urlopen(urllib.request.Request(url, body)) as response:
            rest = json.loads(response.read())["predictions"]
    exported = kbc.Classifier.load(folder / "export").predict(TEXTS)
    for one, *others in zip(expected, exported, served, strict=True):
        assert sum(one.probabilities.values()) == pytest.approx(1, abs=1e-5)
        for other in others:
            assert other.label == one.label
            assert other.probabilities == pytest.approx(one.probabilities, abs=1e-5)
            if kind == "ordinal":
                assert one.path is other.path is None
            else:
                assert other.path == pytest.approx(one.path, abs=1e-5)
    if kind == "hierarchical":
        assert list(expected[0].path) == ["animal", "animal/cat"]
        assert list(expected[4].path) == ["time"]
        probabilities = expected[0].probabilities
        above = probabilities["animal/cat"] + probabilities["animal/dog"]
        assert expected[0].path["animal"] == pytest.approx(above, abs=1e-5)
        assert rest[0]["path_labels"] == ["animal", "animal/cat", ""]
        assert rest[0]["path_scores"] == pytest.approx([*expected[0].path.values(), 0], abs=1e-5)


def test_the_program_prints_paths(run, tmp_path, capsys):
    kind, folder, _, _ = run
    (tmp_path / "texts.txt").write_text("a dog\n")
    arguments = [f"--model={folder}/export", f"--data={tmp_path}/texts.txt"]
    assert predict.main([*arguments, "--output_format=jsonl"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert ("path" in line) == (kind == "hierarchical")


@pytest.mark.slow
def test_a_calibrated_model_keeps_its_structure(run, tmp_path):
    kind, folder, _, result = run
    result.trained.save(tmp_path / "run")
    shutil.copy(folder / "run" / "config.json", tmp_path / "run")
    decision = calibrate_run(tmp_path / "run", ScoredFiles(()))
    trained = TrainedModel.load(tmp_path / "run")
    assert trained.settings == result.trained.settings
    assert trained.decision == decision
    kbc.export_saved_model(trained, tmp_path / "export", warmup=False)
    ours = kbc.Classifier.load(tmp_path / "run").predict(TEXTS)
    theirs = kbc.Classifier.load(tmp_path / "export").predict(TEXTS)
    assert [one.label for one in ours] == [other.label for other in theirs]
    assert all((one.path is not None) == (kind == "hierarchical") for one in theirs)


@pytest.mark.slow
def test_in_a_fresh_process_without_this_package(run, tmp_path):
    _, folder, _, _ = run
    command = [sys.executable, "-c", FRESH, str(folder / "export/1"), json.dumps(TEXTS)]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "2", "PATH": ""}
    done = subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, env=environment)
    found = json.loads(done.stdout)
    for number, one in enumerate(kbc.Classifier.load(folder / "run").predict(TEXTS)):
        assert found["label"][number] == one.label
        assert found["probabilities"][number] == pytest.approx(
            list(one.probabilities.values()), abs=1e-5
        )
        if one.path is not None:
            names = [name for name in found["path_labels"][number] if name]
            assert names == list(one.path)
