"""bertcls-evaluate --report and --model, of a run and of its export."""

import json
import sys

import pytest
from tiny_runs import LABELS, finetune_config, pretrain_config, write_files

import keras_bert_cls as kbc
from keras_bert_cls.cli import evaluate
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.training.finetune import finetune
from keras_bert_cls.training.pretrain import pretrain
from keras_bert_cls.training.scores_file import read_scores


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    # A row of the training data, one twice, and one of no label.
    train = (folder / "train.tsv").read_text(encoding="utf-8").splitlines()
    test = (folder / "test.tsv").read_text(encoding="utf-8").splitlines()
    more = [train[1], test[1], "another thing\tother\tnothing\tso\t0.5"]
    (folder / "more.tsv").write_text("\n".join([*test, *more]) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def models(files, tmp_path_factory):
    """Name -> folder of a run, its export, and a run of another seed."""
    base = tmp_path_factory.mktemp("models")
    for name, seed in (("run", 3), ("other", 4)):
        finetune(
            finetune_config(files, encoder_num_layers=1, train_steps=5, seed=seed), base / name
        )
    trained = TrainedModel.load(base / "run")
    kbc.export_saved_model(trained, base / "export", warmup=False)
    return {name: base / name for name in ("run", "other", "export")}


def run(*arguments) -> int:
    return evaluate.main([str(argument) for argument in arguments])


def test_the_report_of_a_run(models, files, tmp_path, capsys):
    arguments = [f"--workdir={models['run']}", f"--data={files}/more.tsv"]
    arguments += ["--out_of_scope_label=nothing", "--slice_column=labels"]
    arguments += [f"--compare_with={models['other']}", "--bootstrap_samples=50"]
    texts = []
    for name in ("one", "two"):
        assert run(*arguments, f"--report={tmp_path}/{name}") == 0
        texts.append((tmp_path / name / "report.json").read_bytes())
    assert texts[0] == texts[1]
    output = capsys.readouterr().out
    assert "data: 16 rows, 1 of them out of scope" in output
    assert f"{tmp_path}/one/report.html" in output
    report = json.loads(texts[0])
    assert report["bootstrap"]["samples"] == 50
    assert report["training_overlap"]["rows"] >= 1
    assert report["training_overlap"]["scores"]["seen"] is not None
    assert report["duplicates"]["rows"] == 1
    assert report["out_of_scope"]["rows"] == 1
    assert [sliced["name"] for sliced in report["slices"]] == ["tokens", "language", "labels"]
    assert report["comparison"]["model"] == str(models["other"])
    errors = report["confident_errors"]
    assert all(e["tokens"][0] == "[CLS]" and e["tokens"][-1] == "[SEP]" for e in errors)
    assert (tmp_path / "one" / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_a_run_and_its_export_have_the_scores_of_the_run(models, files, tmp_path, capsys):
    expected = read_scores(models["run"] / "scores.json")["test"]
    columns = ["--text_column=text", "--label_column=label"]
    for name in ("run", "export"):
        arguments = [f"--model={models[name]}", f"--data={files}/test.tsv", *columns]
        assert run(*arguments, f"--report={tmp_path}/{name}") == 0
        report = json.loads((tmp_path / name / "report.json").read_text(encoding="utf-8"))
        values = {name: score["value"] for name, score in report["scores"].items()}
        found = {name: expected.values[name] for name in values}
        assert values == pytest.approx(found, abs=1e-5)
        assert report["model"]["labels"] == list(LABELS)
        capsys.readouterr()
        assert run(*arguments, f"--output={tmp_path}/scores.json") == 0
        scores = read_scores(tmp_path / "scores.json")["data"]
        assert scores.labels == expected.labels
        assert "data: 13 rows" in capsys.readouterr().out


def test_embeddings_and_tokens_of_a_run_and_its_export(models):
    texts = ["great film", "好 看", ""]
    run_model, export = (kbc.Classifier.load(models[name]) for name in ("run", "export"))
    embeddings = run_model.embed(texts, batch_size=2)
    assert embeddings.shape == (3, 8)
    assert embeddings.dtype == "float32"
    assert embeddings == pytest.approx(export.embed(texts), abs=1e-5)
    assert embeddings == pytest.approx(run_model.embed(iter(texts)), abs=1e-5)
    tokens = [
        ["[CLS]", "great", "film", "[SEP]"],
        ["[CLS]", "好", "看", "[SEP]"],
        ["[CLS]", "[SEP]"],
    ]
    assert run_model.tokenize(texts) == export.tokenize(texts, batch_size=1) == tokens
    assert run_model.embed([]).shape[0] == 0
    with pytest.raises(kbc.UserError, match="takes one text"):
        run_model.embed(["a"], ["b"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model={export}", "--data={files}/test.tsv"], "label_column is not given"),
        (["--model={files}", "--data={files}/test.tsv"], "holds no model"),
        (["--workdir={run}", "--data={files}/none.tsv"], "none.tsv: no such file"),
        (["--workdir={run}", "--data={files}/more.tsv"], "give it as --out_of_scope_label"),
        (
            ["--workdir={run}", "--data={files}/test.tsv", "--slice_column=lable"],
            "Did you mean 'label'?",
        ),
        (
            ["--workdir={run}", "--data={files}/test.tsv", "--text_pair_column=other"],
            "the model takes one text",
        ),
        (
            ["--workdir={run}", "--data={files}/test.tsv", "--compare_with={files}/none"],
            "holds no model",
        ),
    ],
)
def test_what_users_of_reports_get_wrong(models, files, tmp_path, capsys, arguments, message):
    given = [argument.format(files=files, **models) for argument in arguments]
    assert run(*given, f"--report={tmp_path}/report") == 1
    error = capsys.readouterr().err
    assert error.startswith("bertcls-evaluate: ")
    assert message in error
    assert "Traceback" not in error


def test_a_masked_lm_has_no_report(files, tmp_path, capsys):
    pretrain(pretrain_config(files, encoder_num_layers=1, train_steps=1), tmp_path / "lm")
    arguments = [f"--workdir={tmp_path}/lm", f"--data={files}/prose.txt"]
    assert run(*arguments, f"--report={tmp_path}/report") == 1
    assert "is a masked language model" in capsys.readouterr().err


def test_a_report_that_cannot_be_written(models, files, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    arguments = [f"--workdir={models['run']}", f"--data={files}/test.tsv"]
    assert run(*arguments, f"--report={tmp_path}/file") == 1
    assert f"--report {tmp_path}/file" in capsys.readouterr().err


@pytest.mark.parametrize("library", ["matplotlib", "sklearn"])
def test_a_library_that_is_missing(library, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, library, None)
    assert run("--workdir=w", "--data=d", f"--report={tmp_path}/report") == 1
    assert "pip install 'keras_bert_cls[report]'" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()
