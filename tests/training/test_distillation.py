"""Runs of a tiny student that learns from a tiny teacher."""

import os
import shutil

import numpy as np
import pytest
from random_weights import draw_weights
from test_finetune import largest_difference, metrics, weights
from tiny_runs import LABELS, VOCABULARY, finetune_config, tiny_encoder, write_files

from keras_bert_cls.data.labels import LabelSet
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.errors import UserError
from keras_bert_cls.inference import Classifier
from keras_bert_cls.modeling.models import classifier_model
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary
from keras_bert_cls.training import distillation
from keras_bert_cls.training.distillation import Teacher
from keras_bert_cls.training.finetune import finetune

TEXTS = ("a great film", "影 看 差", "the average film was long , a plain one", "poor", "good")
TEACHER_LENGTH = 12
LABEL_COLUMNS = {"single_label": "label", "multi_label": "labels", "regression": "value"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    (folder / "more.txt").write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    return folder


def make_teacher(folder, task="single_label", labels=LABELS[::-1], text_pair=False, seed=0):
    """Saves a teacher of random weights with another vocabulary, length and order of labels."""
    tokens = (*VOCABULARY[:5], *VOCABULARY[:4:-1])
    encoder = tiny_encoder(vocabulary_size=len(tokens), pack_tokens=False)
    model = classifier_model(encoder, len(labels) or 1)
    draw_weights(model, seed)
    settings = ModelSettings(task, labels, text_pair, TEACHER_LENGTH)
    TrainedModel(model, Tokenizer(Vocabulary(tokens)), settings).save(folder)
    return folder


def student_config(files, teacher, task="single_label", **fields):
    return finetune_config(
        files,
        **{
            "data_task": task,
            "data_label_column": LABEL_COLUMNS[task],
            "data_dev_files": (),
            "data_test_files": (),
            "encoder_num_layers": 1,
            "distillation_teacher": str(teacher),
            "distillation_unlabelled_files": (f"{files}/more.txt",),
            **fields,
        },
    )


def texts_of(files) -> list[str]:
    lines = (files / "train.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [line.split("\t")[0] for line in lines] + list(TEXTS)


def stored_logits(run, columns) -> np.ndarray:
    return np.fromfile(run / "data/teacher/values.bin", np.float32).reshape(-1, columns)


def softmax(logits):
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def test_the_student_hears_what_the_teacher_says_of_each_text(files, tmp_path):
    teacher = make_teacher(tmp_path / "teacher")
    reports: list[str] = []
    finetune(student_config(files, teacher), tmp_path / "run", reports.append)
    assert reports[0] == "train: 50 rows (45 with a label, 5 without)"
    assert reports[1].startswith("teacher: logits of 50 rows in ")
    logits = stored_logits(tmp_path / "run", len(LABELS))
    # The packed, batched, reordered logits are those of the teacher as anybody calls it.
    predictions = Classifier.load(teacher).predict(texts_of(files))
    expected = [[prediction.probabilities[name] for name in LABELS] for prediction in predictions]
    np.testing.assert_allclose(softmax(logits), expected, atol=1e-5)
    assert logits.std(axis=0).min() > 0.1  # texts make a difference
    store = TokenStore(tmp_path / "run/data/train")
    assert store.values("labelled").tolist() == [1] * 45 + [0] * 5
    assert sorted(os.listdir(tmp_path / "run/data")) == ["teacher", "train"]
    lines = metrics(tmp_path / "run")
    assert all(0 <= line["teacher_agreement"] <= 1 for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["multi_label", "regression"])
def test_other_tasks(files, tmp_path, task):
    labels = () if task == "regression" else LABELS
    teacher = make_teacher(tmp_path / "teacher", task, labels)
    config = student_config(
        files,
        teacher,
        task,
        distillation_weight=1.0,
        encoder_initializer_stddev=0.3,
        optimizer_learning_rate=0.03,
        train_steps=150,
        train_log_every=15,
        train_checkpoint_every=150,
        **({} if task == "regression" else {"head_class_weight": "balanced"}),
    )
    finetune(config, tmp_path / "run")
    losses = [line["loss"] for line in metrics(tmp_path / "run")]
    assert losses[-1] < 0.7 * losses[0]
    logits = stored_logits(tmp_path / "run", len(labels) or 1)
    predictions = Classifier.load(teacher).predict(texts_of(files))
    if task == "regression":
        values = [prediction.value for prediction in predictions]
        np.testing.assert_allclose(logits[:, 0], values, atol=1e-5)
    else:
        found = [[prediction.probabilities[name] for name in LABELS] for prediction in predictions]
        np.testing.assert_allclose(1 / (1 + np.exp(-logits)), found, atol=1e-5)


@pytest.fixture
def count(monkeypatch):
    """Counts the rows that teachers are asked about; fails once `limit` are reached."""
    calls = {"rows": 0, "limit": None}
    plain = Teacher._batch

    def counted(self, store, rows):
        calls["rows"] += len(rows)
        if calls["limit"] is not None and calls["rows"] > calls["limit"]:
            raise KeyboardInterrupt
        return plain(self, store, rows)

    monkeypatch.setattr(Teacher, "_batch", counted)
    return calls


def test_a_teacher_is_asked_once(files, tmp_path, count, monkeypatch):
    monkeypatch.setattr(distillation, "_WINDOW_ROWS", 16)
    teacher = make_teacher(tmp_path / "teacher")
    config = student_config(files, teacher, train_epochs=2, train_steps=0)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    finetune(config, whole)
    assert count["rows"] == 50  # though there were two epochs
    # Stopped in the third window: the first two are there when the run goes on.
    count |= {"rows": 0, "limit": 40}
    with pytest.raises(KeyboardInterrupt):
        finetune(config, broken)
    count |= {"rows": 0, "limit": None}
    finetune(config, broken)
    assert count["rows"] == 50 - 32
    assert largest_difference(weights(whole), weights(broken)) == 0.0
    # Without the model the run goes on from its checkpoint, and asks nobody.
    count["rows"] = 0
    (broken / "model.keras").unlink()
    finetune(config, broken)
    assert count["rows"] == 0
    assert largest_difference(weights(whole), weights(broken)) == 0.0


def test_another_teacher_is_asked_again(files, tmp_path, count):
    teacher = make_teacher(tmp_path / "teacher")
    config = student_config(files, teacher, train_steps=1)
    finetune(config, tmp_path / "run")
    before = stored_logits(tmp_path / "run", len(LABELS))
    make_teacher(teacher, seed=1)
    (tmp_path / "run/model.keras").unlink()
    count["rows"] = 0
    finetune(config, tmp_path / "run")
    assert count["rows"] == 50
    assert np.abs(stored_logits(tmp_path / "run", len(LABELS)) - before).max() > 0.1


@pytest.mark.slow
def test_labels_of_few_rows_are_balanced_among_themselves(files, tmp_path):
    # Rows without label hold the place of label 0: they must not count as such.
    teacher = make_teacher(tmp_path / "teacher")
    fields = {"head_class_weight": "balanced", "train_steps": 3, "train_log_every": 1}
    for name, more in (("with", (f"{files}/more.txt",)), ("without", ())):
        config = student_config(
            files,
            teacher,
            **fields,
            train_batch_size=64,
            distillation_unlabelled_files=more,
            distillation_weight=1e-9,
            encoder_dropout=0.0,
            encoder_attention_dropout=0.0,
            head_dropout=0.0,
        )
        finetune(config, tmp_path / name)
    # All rows are in each batch, so that the labelled ones decide alone.
    assert largest_difference(weights(tmp_path / "with"), weights(tmp_path / "without")) < 1e-5


@pytest.mark.slow
def test_a_student_of_some_of_its_teachers_blocks(files, tmp_path):
    first = finetune_config(files, data_dev_files=(), data_test_files=(), train_steps=4)
    finetune(first, tmp_path / "large")
    config = student_config(
        files, tmp_path / "large", init_from=str(tmp_path / "large"), init_layers=(1,)
    )
    finetune(config, tmp_path / "small")
    # One vocabulary, one length: the teacher reads the student's rows.
    large, small = weights(tmp_path / "large"), weights(tmp_path / "small")
    assert {path.split("/")[0] for path in large} - {path.split("/")[0] for path in small} == {
        "block_1"
    }


@pytest.mark.parametrize(
    ("teacher", "fields", "message"),
    [
        ({"labels": ("bad", "good", "ugly")}, {}, "only that run has 'ugly'; only the data"),
        ({"labels": (*LABELS, "odd")}, {}, "its labels are not those of data: only that run"),
        ({"text_pair": True}, {}, "it takes pairs of texts, data has one text"),
        ({"task": "multi_label"}, {}, "its task is multi_label, that of data is single_label"),
    ],
)
def test_teachers_that_do_not_fit(files, tmp_path, teacher, fields, message):
    folder = make_teacher(tmp_path / "teacher", **teacher)
    with pytest.raises(UserError, match=f"--config.distillation.teacher {folder}: .*{message}"):
        Teacher.load(student_config(files, folder, **fields), LabelSet(LABELS))


def test_a_teacher_that_is_not_there(files, tmp_path):
    config = student_config(files, tmp_path / "nobody")
    with pytest.raises(UserError, match="nobody holds no finished model"):
        finetune(config, tmp_path / "run")


def test_held_out_texts_are_left_out_of_both_kinds_of_rows(files, tmp_path):
    teacher = make_teacher(tmp_path / "teacher")
    data = tmp_path / "data"
    shutil.copytree(files, data)
    (data / "dev.tsv").write_text("text\tlabel\npoor\tbad\n", encoding="utf-8")
    config = student_config(
        data,
        teacher,
        data_dev_files=(f"{data}/dev.tsv",),
        data_drop_held_out_texts=True,
        train_steps=1,
    )
    reports: list[str] = []
    finetune(config, tmp_path / "run", reports.append)
    assert reports[1].startswith("train: 49 rows (45 with a label, 4 without), 1 left out")
