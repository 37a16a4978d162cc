"""Documents of 5,000 tokens, from the config to the answer of a server."""

import json
import subprocess
import sys

import numpy as np
import pytest
from running_server import running_server
from tiny_runs import FILLERS, finetune_config, write_config, write_files

import keras_bert_cls as kbc
from keras_bert_cls.cli import doctor, evaluate, finetune, predict
from keras_bert_cls.client import Client

MAX_LENGTH = 5002
WORDS = {"good": "great", "bad": "awful"}

# The graph expands and pools the windows: this package is not needed.
READER = """
import json, sys
import tensorflow as tf
import tensorflow_text
loaded = tf.saved_model.load(sys.argv[1])
texts = tf.constant(json.load(sys.stdin))
answer = loaded.signatures["serving_default"](text=texts)
assert not any(name.startswith("keras_bert_cls") for name in sys.modules)
print(json.dumps(answer["probabilities"].numpy().tolist()))
"""


def documents() -> list[tuple[str, str]]:
    """Texts and labels: fillers, and far from the start some words that tell the label."""
    random = np.random.default_rng(0)
    rows = []
    for length in (5000, 3, 4800, 40, 130, 9, 700, 14):
        for label, word in WORDS.items():
            words = random.choice(FILLERS, length).astype(object)
            start = length - 1 - length // 9
            words[start : start + 10] = word
            rows.append((" ".join(words), label))
    return rows


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Fine-tunes and exports; returns the folder."""
    folder = tmp_path_factory.mktemp("documents")
    write_files(folder)
    content = "".join(f"{text}\t{label}\n" for text, label in documents())
    (folder / "documents.tsv").write_text(f"text\tlabel\n{content}", encoding="utf-8")
    files = (f"{folder}/documents.tsv",)
    config = finetune_config(
        folder,
        data_train_files=files,
        data_dev_files=files,
        data_test_files=files,
        data_max_length=MAX_LENGTH,
        documents_window_length=24,
        documents_overlap=4,
        documents_pooling="max",
        encoder_hidden_dim=16,
        encoder_num_layers=1,
        encoder_dropout=0.0,
        encoder_attention_dropout=0.0,
        head_dropout=0.0,
        optimizer_learning_rate=3e-2,
        train_steps=60,
        train_eval_every=60,
        train_max_tokens_per_batch=20_000,
    )
    write_config(folder / "config.py", config)
    command = [f"--config={folder}/config.py", f"--workdir={folder}/run"]
    assert finetune.main(command) == 0
    kbc.export_saved_model(kbc.TrainedModel.load(folder / "run"), folder / "exported")
    return folder


@pytest.fixture(scope="module")
def expected(run):
    """What the Keras model says of the documents."""
    return kbc.Classifier.load(run / "run").predict([text for text, _ in documents()])


def close_to(expected):
    return [pytest.approx(prediction.probabilities, abs=1e-5) for prediction in expected]


def test_what_stands_late_is_read(run, expected, capsys):
    scores = json.loads((run / "run/scores.json").read_text())
    assert scores["test"]["values"]["accuracy"] == 1.0
    assert [prediction.label for prediction in expected] == [label for _, label in documents()]
    evaluate.program.flags.unparse_flags()
    data = [f"--data={run}/documents.tsv", "--text_column=text", "--label_column=label"]
    assert evaluate.main([f"--workdir={run}/run", *data]) == 0
    assert "accuracy" in capsys.readouterr().out


def test_the_export(run, expected):
    assert doctor.main([f"--model={run}/exported"]) == 0
    predictions = kbc.Classifier.load(run / "exported").predict([text for text, _ in documents()])
    assert [prediction.probabilities for prediction in predictions] == close_to(expected)
    card = json.loads((run / "exported/1/assets.extra/model_card.json").read_text())
    assert card["max_length"] == MAX_LENGTH


def test_the_export_in_a_fresh_process(run, expected):
    done = subprocess.run(
        [sys.executable, "-c", READER, f"{run}/exported/1"],
        input=json.dumps([text for text, _ in documents()]),
        capture_output=True,
        text=True,
        cwd=run,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [list(prediction.probabilities.values()) for prediction in expected]
    np.testing.assert_allclose(json.loads(done.stdout), rows, atol=1e-5)


def test_the_server_and_its_clients(run, expected, capsys):
    texts = [text for text, _ in documents()]
    (run / "texts.txt").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    with running_server(run / "exported") as server:
        with Client(server.address, "tiny") as client:
            predictions = client.predict(texts)
            together = Client(server.address, "tiny", batch_tokens=10**6).predict(texts)
        predict.program.flags.unparse_flags()
        where = [f"--server={server.address}", "--model_name=tiny", f"--data={run}/texts.txt"]
        assert predict.main([*where, "--output_format=jsonl"]) == 0
    for found in (predictions, together):
        assert [prediction.probabilities for prediction in found] == close_to(expected)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["label"] for row in rows] == [label for _, label in documents()]
