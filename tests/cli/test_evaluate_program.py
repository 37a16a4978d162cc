"""bertcls-evaluate."""

import json

import pytest
from tiny_runs import finetune_config, pretrain_config, write_files

from keras_bert_cls.cli import evaluate
from keras_bert_cls.cli.score_table import score_table
from keras_bert_cls.training.finetune import finetune
from keras_bert_cls.training.pretrain import pretrain
from keras_bert_cls.training.scores_file import read_scores


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    return folder


@pytest.fixture(scope="module")
def classifier(files, tmp_path_factory):
    """The folder of a run that was trained with smoothing and weights, in other batches."""
    folder = tmp_path_factory.mktemp("classifier")
    config = finetune_config(
        files,
        encoder_num_layers=1,
        train_steps=5,
        head_label_smoothing=0.2,
        head_class_weight="balanced",
        data_dev_files=(),
    )
    finetune(config, folder)
    return folder


@pytest.fixture(scope="module")
def masked_lm(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("masked_lm")
    pretrain(pretrain_config(files, encoder_num_layers=1, train_steps=3), folder)
    return folder


def run(*arguments) -> int:
    return evaluate.main([str(argument) for argument in arguments])


@pytest.mark.parametrize("batch_size", [None, 3])
def test_scores_are_those_of_the_run(classifier, files, tmp_path, capsys, batch_size):
    arguments = [f"--workdir={classifier}", f"--data={files}/test.tsv"]
    arguments += [f"--batch_size={batch_size}"] if batch_size else []
    assert run(*arguments, f"--output={tmp_path}/scores.json") == 0
    expected = read_scores(classifier / "scores.json")["test"]
    found = read_scores(tmp_path / "scores.json")["data"]
    assert found.values == pytest.approx(expected.values, abs=1e-6)
    assert found.labels == expected.labels
    assert capsys.readouterr().out == f"data: 13 rows\n{score_table(found)}\n"


def test_another_format_and_other_columns(classifier, files, tmp_path, capsys):
    header, *lines = (files / "test.tsv").read_text().splitlines()
    names = header.split("\t")
    rows = [dict(zip(names, line.split("\t"), strict=True)) for line in lines]
    (tmp_path / "a.jsonl").write_text(
        "".join(
            json.dumps({"post": row["text"], "verdict": row["label"]}) + "\n" for row in rows[:5]
        )
    )
    (tmp_path / "b.jsonl").write_text(
        "".join(
            json.dumps({"post": row["text"], "verdict": row["label"]}) + "\n" for row in rows[5:]
        )
    )
    arguments = [f"--workdir={classifier}", f"--data={tmp_path}/a.jsonl"]
    arguments += [f"--data={tmp_path}/b.jsonl", "--text_column=post", "--label_column=verdict"]
    assert run(*arguments, f"--output={tmp_path}/scores.json") == 0
    expected = read_scores(classifier / "scores.json")["test"]
    found = read_scores(tmp_path / "scores.json")["data"]
    assert found.values == pytest.approx(expected.values, abs=1e-6)


def test_a_masked_lm_is_scored_on_text_the_same_each_time(masked_lm, files, capsys):
    outputs = []
    for _ in range(2):
        assert run(f"--workdir={masked_lm}", f"--data={files}/prose.txt") == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    assert "masked_accuracy" in outputs[0]
    assert "loss" in outputs[0]


def test_a_model_without_a_config(classifier, files, tmp_path, capsys):
    for name in ("model.keras", "model_settings.json", "vocab.txt", "labels.txt"):
        (tmp_path / name).write_bytes((classifier / name).read_bytes())
    arguments = [f"--workdir={tmp_path}", f"--data={files}/test.tsv"]
    assert run(*arguments) == 1
    error = capsys.readouterr().err
    assert "text_column is not given: name it with --text_column" in error
    assert "label_column is not given: name it with --label_column" in error
    assert run(*arguments, "--text_column=text", "--label_column=label") == 0
    assert "accuracy" in capsys.readouterr().out


def test_rows_are_skipped_if_asked(classifier, files, tmp_path, capsys):
    rows = (files / "test.tsv").read_text(encoding="utf-8")
    assert rows.startswith("text\tother\tlabel\t")
    data = tmp_path / "test.tsv"
    data.write_text(f"{rows}\t\tbad\nfilm\t-\tunheard\t-\t1\n", encoding="utf-8")
    arguments = [f"--workdir={classifier}", f"--data={data}"]
    assert run(*arguments) == 1
    assert "on_bad_row=skip" in capsys.readouterr().err
    assert run(*arguments, "--on_bad_row=skip") == 1
    assert "unknown_label=skip" in capsys.readouterr().err
    assert run(*arguments, "--on_bad_row=skip", "--unknown_label=skip") == 0
    assert capsys.readouterr().out.startswith("data: 13 rows")


def test_a_place_for_the_scores_is_looked_for_before_the_work(classifier, files, tmp_path, capsys):
    arguments = [f"--workdir={classifier}", f"--data={files}/none.tsv"]
    assert run(*arguments, f"--output={tmp_path}") == 1
    assert f"--output: expected a file to write, {tmp_path} is a folder" in capsys.readouterr().err


def test_an_export_is_no_run(files, tmp_path, capsys):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").touch()
    for folder in (tmp_path, tmp_path / "1"):
        assert run(f"--workdir={folder}", f"--data={files}/test.tsv") == 1
        message = f"--workdir {folder} is an export, not a run: give it as --model"
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        ("classifier", ["--data={files}/none.tsv"], "{files}/none.tsv"),
        ("classifier", ["--data={files}/test.tsv", "--label_column=lable"], "lable"),
        (
            "classifier",
            ["--data={files}/test.tsv", "--label_column=value"],
            "{files}/test.tsv:2: label",
        ),
        (
            "classifier",
            ["--data={files}/test.tsv", "--text_pair_column=other"],
            "the model takes one text",
        ),
        (
            "classifier",
            ["--data={files}/test.tsv", "--file_format=tvs"],
            "Did you mean 'tsv'?",
        ),
        (
            "masked_lm",
            ["--data={files}/prose.txt", "--label_column=label"],
            "a masked language model is scored on plain text",
        ),
        (
            "masked_lm",
            ["--data={files}/prose.txt", "--unknown_label=skip"],
            "a masked language model is scored on plain text",
        ),
    ],
)
def test_what_users_get_wrong(request, files, capsys, model, arguments, message):
    arguments = [argument.format(files=files) for argument in arguments]
    assert run(f"--workdir={request.getfixturevalue(model)}", *arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("bertcls-evaluate: ")
    assert message.format(files=files) in error


def test_a_run_that_is_not_finished(tmp_path, files, capsys):
    assert run(f"--workdir={tmp_path}", f"--data={files}/test.tsv") == 1
    assert f"{tmp_path} holds no finished model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workdir=w"], "--data is required"),
        (["--data=d"], "give either --workdir or --model"),
        (["--data=d", "--workdir=w", "--model=m"], "give either --workdir or --model"),
        (["--data=d", "--workdir=w", "--compare_with=m"], "--compare_with"),
        (["--data=d", "--model=m", "--slice_column=a"], "only with --report"),
        (["--data=d", "--model=m", "--report=r", "--output=o"], "--output is for the scores"),
        (["--workdir=w", "--data=d", "--batch_size=0"], "batch_size"),
        (["--workdir=w", "--data=d", "--outptu=x"], "Did you mean 'output'?"),
    ],
)
def test_a_wrong_command_line(arguments, message, capsys):
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err
