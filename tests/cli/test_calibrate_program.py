"""bertcls-calibrate, on runs of seconds."""

import json

import numpy as np
import pytest
from tiny_runs import LABELS, finetune_config, pretrain_config, write_files

from keras_bert_cls.calibration import calibrate_run as calibrating
from keras_bert_cls.calibration.held_out import read_held_out
from keras_bert_cls.calibration.temperature import fit_temperature
from keras_bert_cls.cli import calibrate, predict
from keras_bert_cls.inference import Classifier
from keras_bert_cls.modeling.decision import read_decision
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.training.evaluate_run import ScoredFiles
from keras_bert_cls.training.finetune import finetune
from keras_bert_cls.training.pretrain import pretrain

# Weights that are not small, so that texts have answers that differ by more than rounding.
SMALL = {"encoder_num_layers": 1, "encoder_initializer_stddev": 0.5, "data_test_files": ()}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_files(folder, rows=90)
    (folder / "oos.tsv").write_text(
        "text\tlabel\n" + "".join(f"the {word}\toos\n" for word in ("film", "long", "one", "看 电"))
    )
    return folder


@pytest.fixture(scope="module")
def single(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("single")
    finetune(finetune_config(files, train_steps=8, **SMALL), folder)
    return folder


@pytest.fixture(scope="module")
def multi(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("multi")
    config = {"data_task": "multi_label", "data_label_column": "labels", **SMALL}
    finetune(finetune_config(files, train_steps=8, **config), folder)
    return folder


@pytest.fixture(autouse=True)
def fresh_flags():
    calibrate.program.flags.unparse_flags()
    predict.program.flags.unparse_flags()


def run(*arguments) -> int:
    calibrate.program.flags.unparse_flags()
    return calibrate.main([str(argument) for argument in arguments])


def dev_texts(files):
    lines = (files / "dev.tsv").read_text().splitlines()[1:]
    return [line.split("\t") for line in lines]


def test_a_temperature_alone(single, files, capsys):
    plain = Classifier.load(single)
    rows = dev_texts(files)
    texts = [row[0] for row in rows]
    before = plain.predict(texts)
    assert run(f"--workdir={single}") == 0
    output = capsys.readouterr().out
    assert output.startswith("data: 17 rows\ntemperature ")
    decision = read_decision(single, "single_label", LABELS)
    assert decision.unknown_label is None
    fitted = decision.fitted
    assert fitted["files"] == ["dev.tsv"]
    assert (fitted["rows"], fitted["out_of_scope_rows"]) == (17, 0)
    assert fitted["after"]["nll"] <= fitted["before"]["nll"]
    found = -np.mean([np.log(p.probabilities[row[2]]) for p, row in zip(before, rows, strict=True)])
    assert fitted["before"]["nll"] == pytest.approx(found, abs=1e-5)
    # The same answers, with other probabilities: those at the temperature.
    after = Classifier.load(single).predict(texts)
    assert [p.label for p in after] == [p.label for p in before]
    logs = np.log([list(p.probabilities.values()) for p in before]) / decision.temperature
    expected = np.exp(logs) / np.exp(logs).sum(1, keepdims=True)
    np.testing.assert_allclose([list(p.probabilities.values()) for p in after], expected, atol=1e-5)
    targets = np.array([LABELS.index(row[2]) for row in rows])
    direct = fit_temperature("single_label", logs * decision.temperature, targets)
    assert (direct or 1.0) == pytest.approx(decision.temperature, rel=1e-3)


@pytest.mark.parametrize(
    ("goal", "share"),
    [("target_coverage", 0.5), ("target_fpr", 0.5), ("reject_below", 0.4), ("balanced", None)],
)
def test_an_unknown_label(single, files, capsys, goal, share):
    flag = f"--{goal}" if share is None else f"--{goal}={share}"
    data = [f"--data={files}/dev.tsv", f"--data={files}/oos.tsv", "--out_of_scope_label=oos"]
    assert run(f"--workdir={single}", *data, "--unknown_label=不知道", flag) == 0
    output = capsys.readouterr().out
    assert "'不知道' below" in output
    assert "AUROC" in output
    decision = read_decision(single, "single_label", LABELS)
    rejection = decision.fitted["rejection"]
    inside = Classifier.load(single).predict([row[0] for row in dev_texts(files)])
    outside = Classifier.load(single).predict(["the film", "the long", "the one", "the 看 电"])
    answered = [prediction.label != "不知道" for prediction in inside]
    assert rejection["coverage"] == pytest.approx(np.mean(answered))
    recall = np.mean([prediction.label == "不知道" for prediction in outside])
    assert rejection["out_of_scope_recall"] == pytest.approx(recall)
    assert {p.label for p in (*inside, *outside)} <= {*LABELS, "不知道"}
    if goal == "target_coverage":
        assert rejection["coverage"] >= share
    if goal == "target_fpr":
        assert 1 - recall <= share


def test_thresholds_of_classes_and_the_prediction_of_a_file(single, files, tmp_path, capsys):
    arguments = ["--unknown_label=unknown", "--target_coverage=0.4", "--per_class", "--min_rows=3"]
    assert run(f"--workdir={single}", *arguments) == 0
    decision = read_decision(single, "single_label", LABELS)
    own = decision.fitted["rejection"]["labels_with_own_threshold"]
    assert own >= 1
    assert f"{own} labels have a threshold of their own" in capsys.readouterr().out
    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"{row[0]}\n" for row in dev_texts(files)))
    assert predict.main(["--model", str(single), "--data", str(texts)]) == 0
    labels = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]
    assert labels.count("unknown") == round(17 * (1 - decision.fitted["rejection"]["coverage"]))


def test_a_multi_label_run(multi, files, tmp_path, capsys):
    assert run(f"--workdir={multi}", "--min_rows=2") == 0
    assert "labels have a threshold other than 0.5" in capsys.readouterr().out
    decision = read_decision(multi, "multi_label", LABELS)
    fitted = decision.fitted
    assert fitted["after"]["macro_f1"] >= fitted["before"]["macro_f1"]
    rows = dev_texts(files)
    found = Classifier.load(multi).predict([row[0] for row in rows])
    hits = sum(len({*p.labels} & {*row[3].split(",")}) for p, row in zip(found, rows, strict=True))
    sizes = sum(len(p.labels) + len(row[3].split(",")) for p, row in zip(found, rows, strict=True))
    assert fitted["after"]["micro_f1"] == pytest.approx(2 * hits / sizes)
    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"{row[0]}\n" for row in rows))
    arguments = ["--model", str(multi), "--data", str(texts)]
    assert predict.main(arguments) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == [",".join(p.labels) for p in found]
    predict.program.flags.unparse_flags()
    assert predict.main([*arguments, "--output_format=jsonl"]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["labels"] for row in objects] == [list(p.labels) for p in found]


def test_removing(single, capsys):
    assert run(f"--workdir={single}") == 0
    assert (single / "decision.json").exists()
    (single / "decision.json").write_text("{")  # a broken one goes too
    for message in ("removed the decision", "had no decision"):
        capsys.readouterr()
        assert run(f"--workdir={single}", "--remove") == 0
        assert capsys.readouterr().out == f"{single}: {message}\n"
    assert TrainedModel.load(single).decision is None


def test_a_failed_fit_leaves_the_old_decision(single, files, capsys):
    assert run(f"--workdir={single}") == 0
    before = (single / "decision.json").read_bytes()
    arguments = ["--unknown_label=unknown", "--target_accuracy=1.0"]
    wrong = files / "wrong.tsv"
    answers = Classifier.load(single).predict([row[0] for row in dev_texts(files)])
    rows = "".join(
        f"{row[0]}\t{next(label for label in LABELS if label != p.label)}\n"
        for row, p in zip(dev_texts(files), answers, strict=True)
    )
    wrong.write_text(f"text\tlabel\n{rows}")
    assert run(f"--workdir={single}", f"--data={wrong}", *arguments) == 1
    assert "no threshold reaches target_accuracy 1: the best accuracy" in capsys.readouterr().err
    assert (single / "decision.json").read_bytes() == before
    assert run(f"--workdir={single}", "--remove") == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data={files}/none.tsv"], "{files}/none.tsv"),
        (["--data={files}/oos.tsv"], "{files}/oos.tsv:2: label 'oos'"),
        (["--data={files}/dev.tsv", "--out_of_scope_label=oos"], "has the label 'oos'"),
        (["--data={files}/oos.tsv", "--out_of_scope_label=oos"], "is out of scope"),
        (["--out_of_scope_label=good"], "must not be a label of the model, got 'good'"),
        (["--unknown_label=good", "--reject_below=0.5"], "must not be one of the labels"),
        (["--text_pair_column=other"], "the model takes one text"),
        (["--label_column=lable"], "lable"),
    ],
)
def test_what_users_get_wrong(single, files, capsys, arguments, message):
    assert run(f"--workdir={single}", *(a.format(files=files) for a in arguments)) == 1
    error = capsys.readouterr().err
    assert error.startswith("bertcls-calibrate: ")
    assert message.format(files=files) in error
    assert not (single / "decision.json").exists()


def test_models_that_cannot_be_calibrated(multi, files, tmp_path, capsys):
    assert run(f"--workdir={multi}", "--unknown_label=x", "--reject_below=0.5") == 1
    assert "unknown_label is for single-label models" in capsys.readouterr().err
    pretrain(pretrain_config(files, encoder_num_layers=1, train_steps=1), tmp_path / "lm")
    assert run(f"--workdir={tmp_path}/lm") == 1
    assert "only classifiers are calibrated" in capsys.readouterr().err
    for arguments in ((), ("--remove",)):
        assert run(f"--workdir={tmp_path}", *arguments) == 1
        assert "holds no finished" in capsys.readouterr().err


def test_a_run_without_dev_files(single, tmp_path, capsys):
    for name in ("model.keras", "model_settings.json", "vocab.txt", "labels.txt"):
        (tmp_path / name).write_bytes((single / name).read_bytes())
    assert run(f"--workdir={tmp_path}") == 1
    assert "has no dev files: name labelled files with --data" in capsys.readouterr().err


def test_logits_do_not_depend_on_the_batches(single, files):
    trained = calibrating.load_classifier(single)
    one, other = (
        read_held_out(single, trained, ScoredFiles((), batch_size=size)) for size in (3, 64)
    )
    by_target = [sorted(map(tuple, h.logits.round(4))) for h in (one, other)]
    np.testing.assert_allclose(*by_target, atol=2e-4)
    assert sorted(one.targets) == sorted(other.targets)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--workdir is required"),
        (["--workdir=w", "--unknown_label=x"], "--unknown_label needs exactly one of"),
        (["--workdir=w", "--reject_below=0.5"], "--unknown_label needs exactly one of"),
        (
            ["--workdir=w", "--unknown_label=x", "--reject_below=0.5", "--target_coverage=1"],
            "--unknown_label needs exactly one of",
        ),
        (["--workdir=w", "--unknown_label=x", "--balanced"], "need --out_of_scope_label"),
        (
            ["--workdir=w", "--unknown_label=x", "--reject_below=0.5", "--per_class"],
            "--per_class needs --unknown_label",
        ),
        (["--workdir=w", "--per_class"], "--per_class needs --unknown_label"),
        (["--workdir=w", "--remove", "--data=x"], "--remove goes with --workdir alone"),
        (["--workdir=w", "--unknown_label=x", "--reject_below=1.5"], "reject_below"),
    ],
)
def test_a_wrong_command_line(arguments, message, capsys):
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err
