"""A classifier with an adaptive head: trained, scored, exported, served and asked."""

import collections
import json

import numpy as np
import pytest
from running_server import running_server
from tiny_runs import FILLERS, finetune_config, write_files
from tiny_trained_models import logits_of, softmax
from unread_scores import computed_scores

import keras_bert_cls as kbc
from keras_bert_cls.calibration.calibrate_run import load_classifier
from keras_bert_cls.cli import predict
from keras_bert_cls.client import Client
from keras_bert_cls.errors import UserError
from keras_bert_cls.evaluation.model_answers import ask
from keras_bert_cls.modeling.decision import Decision
from keras_bert_cls.modeling.output_softmax import adaptive_layer
from keras_bert_cls.training.adaptive_config import AdaptiveConfig
from keras_bert_cls.training.config_check import check_config
from keras_bert_cls.training.evaluate_run import ScoredFiles, evaluate_run
from keras_bert_cls.training.finetune import finetune

LABELS = tuple(f"label-{number:02}" for number in range(30))
HEAD = {
    "head_kind": "adaptive",
    "head_top_labels": 4,
    "head_dropout": 0.0,
    "adaptive": AdaptiveConfig((5, 14), 2.0),
    "encoder_num_layers": 1,
    "train_precision": "float32",
}
TEXTS = ["the film", "看 电 影 was", "long long long", ""]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Texts whose label, of 30, follows from two of their words; some labels are much rarer."""
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    random = np.random.default_rng(5)
    for split, rows in (("train", 160), ("dev", 40), ("test", 20)):
        lines = []
        for _ in range(rows):
            one = int(len(FILLERS) * random.random() ** 2)
            other = int(random.integers(3))
            words = [FILLERS[one], *["great", "awful", "plain"][other : other + 1]]
            lines.append(f"{' '.join(words)}\t{LABELS[(7 * (3 * one + other)) % 30]}\n")
        (folder / f"{split}.tsv").write_text("text\tlabel\n" + "".join(lines), encoding="utf-8")
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS))
    return folder


@pytest.fixture(scope="module")
def run(files, tmp_path_factory):
    """What a run made, its folder, and the scores of all labels that were computed for it."""
    folder = tmp_path_factory.mktemp("run")
    config = finetune_config(
        files,
        data_labels_file=f"{files}/labels.txt",
        head_class_weight="balanced",
        optimizer_learning_rate=0.02,
        train_steps=60,
        train_eval_every=30,
        train_batch_size=16,
        **HEAD,
    )
    with pytest.MonkeyPatch.context() as patch, computed_scores(patch) as computed:
        made = finetune(config, folder)
    return made, folder, computed


def test_learns_without_the_scores_of_all_labels(run, files):
    made, folder, computed = run
    assert computed == []
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if line["kind"] == "train"]
    assert losses[-1] < 0.8 * losses[0]
    order = adaptive_layer(made.trained.model).label_order.numpy()
    rows = (files / "train.tsv").read_text().splitlines()[1:]
    counts = collections.Counter(row.split("\t")[1] for row in rows)
    found = [counts[LABELS[label]] for label in order]
    assert found == sorted(found, reverse=True)
    assert (folder / "labels.txt").read_text().split() == list(LABELS)


def test_scores_are_those_of_the_full_log_probabilities(run, files):
    made, folder, _ = run
    rows = [row.split("\t") for row in (files / "test.tsv").read_text().splitlines()[1:]]
    logits = logits_of(made.trained, [text.encode() for text, _ in rows])
    targets = np.array([LABELS.index(label) for _, label in rows])
    scores = made.scores["test"]
    hits = logits.argmax(-1) == targets
    assert scores.values["accuracy"] == pytest.approx(hits.mean())
    losses = -np.log(softmax(logits))[np.arange(len(rows)), targets]
    assert scores.values["loss"] == pytest.approx(losses.mean(), rel=1e-4)
    f1 = []
    for label in range(len(LABELS)):
        both = (hits & (targets == label)).sum()
        f1.append(2 * both / max((logits.argmax(-1) == label).sum() + (targets == label).sum(), 1))
    assert scores.values["macro_f1"] == pytest.approx(np.mean(f1))
    again = evaluate_run(folder, ScoredFiles((f"{files}/test.tsv",))).values
    assert again == pytest.approx(scores.values, abs=1e-6)


def check(predictions, trained):
    probabilities = softmax(logits_of(trained, [text.encode() for text in TEXTS]))
    for row, prediction in zip(probabilities, predictions, strict=True):
        assert list(prediction.probabilities) == [LABELS[index] for index in np.argsort(-row)[:4]]
        found = list(prediction.probabilities.values())
        np.testing.assert_allclose(found, np.sort(row)[: -4 - 1 : -1], atol=1e-5)
        assert (prediction.label, prediction.score) == next(iter(prediction.probabilities.items()))


@pytest.fixture(scope="module")
def export(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    kbc.export_saved_model(run[0].trained, folder, warmup=False)
    return folder


def test_a_run_and_its_export_name_the_best_labels(run, export, monkeypatch):
    trained = run[0].trained
    with computed_scores(monkeypatch) as computed:
        check(kbc.Classifier.load(run[1]).predict(TEXTS), trained)
    # Those are of the reference alone, a text at a time.
    assert computed == [(1, len(LABELS))] * len(TEXTS)
    classifier = kbc.Classifier.load(export)
    check(classifier.predict(TEXTS), trained)
    assert classifier.labels == LABELS
    assert classifier.embed(TEXTS).shape == (4, 8)


def test_a_server_names_them_through_both_calls(run, export, capsys, tmp_path):
    trained = run[0].trained
    with running_server(export, rest_api_port=-1) as server:
        with Client(server.address, "tiny") as client:
            check(client.predict(TEXTS), trained)
            check(client.classify(TEXTS), trained)
        (tmp_path / "texts.txt").write_text("".join(f"{text}\n" for text in TEXTS[:3]))
        asked = ["--server", server.address, "--model_name", "tiny", "--output_format", "jsonl"]
        code = predict.main([*asked, "--data", f"{tmp_path}/texts.txt"])
    assert code == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = softmax(logits_of(trained, [text.encode() for text in TEXTS[:3]])).argmax(-1)
    assert [line["label"] for line in lines] == [LABELS[index] for index in expected]
    assert [len(line["probabilities"]) for line in lines] == [4, 4, 4]


def test_what_needs_the_scores_of_all_labels_is_refused(run, files, tmp_path):
    _, folder, _ = run
    with pytest.raises(UserError, match="adaptive head: a temperature would need"):
        load_classifier(folder)
    decided = kbc.TrainedModel.load(folder)
    decided.decision = Decision(temperature=2.0)
    with pytest.raises(UserError, match="has no decision"):
        kbc.export_saved_model(decided, tmp_path)
    classifier = kbc.Classifier.load(folder)

    class Rows:
        texts, text_pairs = TEXTS, None

        def __len__(self):
            return len(TEXTS)

    with pytest.raises(UserError, match="probabilities of all 30 labels"):
        ask(classifier, Rows(), LABELS, 4)
    student = finetune_config(
        files, data_labels_file=f"{files}/labels.txt", distillation_teacher=str(folder)
    )
    with pytest.raises(UserError, match="its head is adaptive"):
        finetune(student, tmp_path / "student")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"head_kind": "adaptive", "head_label_smoothing": 0.1}, "label_smoothing spreads over"),
        ({"head_kind": "adaptive", "data_task": "multi_label"}, "one label a text"),
        ({"head_kind": "adaptive", "data_ordered_labels": True}, "no scores of all labels"),
        ({"head_kind": "adaptive", "distillation_teacher": "run"}, "a teacher's scores"),
        ({"head_kind": "adaptive", "aids_focal_gamma": 1.0}, "aids.focal_gamma: it looks"),
        ({"head_top_labels": 3}, "top_labels is given, but kind 'dense'"),
        ({"head_kind": "adaptive", "head_top_labels": 0}, "top_labels must be at least 1"),
        ({"adaptive": AdaptiveConfig((2,))}, "--config.adaptive is given, but head.kind is not"),
    ],
)
def test_wrong_configs(files, fields, message):
    with pytest.raises(UserError, match=message):
        check_config(finetune_config(files, **fields))


@pytest.mark.slow
def test_mixed_precision_automatic_cutoffs_and_accumulation(files, tmp_path):
    results = []
    for precision, accumulation in (("float32", 1), ("float32", 2), ("mixed_float16", 1)):
        fields = {**HEAD, "adaptive": AdaptiveConfig(div_value=2.0), "train_precision": precision}
        fields |= {"train_steps": 6, "train_accumulation": accumulation}
        config = finetune_config(files, data_labels_file=f"{files}/labels.txt", **fields)
        made = finetune(config, tmp_path / f"{precision}{accumulation}")
        results.append(made.scores["test"].values["loss"])
        assert adaptive_layer(made.trained.model).compute_dtype == "float32"
    assert results[1] == pytest.approx(results[0], rel=1e-5)
    assert results[2] == pytest.approx(results[0], rel=2e-2)
