"""bertcls-import."""

import json
import subprocess
import sys

import numpy as np
import pytest
from huggingface_cases import write_case
from random_bert import (
    PADDING_MASK,
    SEGMENT_IDS,
    TOKEN_IDS,
    TOKENS,
    huggingface_weights,
    random_weights,
    write_huggingface_folder,
)

from keras_bert_cls.cli import evaluate, export, import_checkpoint, predict
from keras_bert_cls.modeling.trained_model import TrainedModel


@pytest.fixture(autouse=True)
def fresh_flags():
    import_checkpoint.program.flags.unparse_flags()


def test_in_a_process_of_its_own(tmp_path):
    write_case(tmp_path / "source", "classifier")
    command = [sys.executable, "-m", import_checkpoint.__name__, "--from=hf", "--source=source"]
    done = subprocess.run([*command, "--output=run"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "run",
        "  single_label, 5,059 weights",
        "  labels: 差, neutral, very good",
        "  27 tokens, lower case",
    ]


@pytest.mark.slow
def test_the_other_programs_take_it(tmp_path, capsys):
    source = write_case(tmp_path / "source", "classifier")
    run = str(tmp_path / "run")
    assert import_checkpoint.main(["--source", str(source), "--output", run]) == 0
    assert TrainedModel.load(run).settings.max_length == 20
    data = tmp_path / "test.tsv"
    data.write_text("text\tlabel\nthe movie was good\tvery good\n中国！\t差\n", encoding="utf-8")
    assert export.main(["--workdir", run, "--output", str(tmp_path / "model")]) == 0
    columns = ["--text_column=text", "--label_column=label"]
    assert evaluate.main(["--workdir", run, "--data", str(data), *columns]) == 0
    capsys.readouterr()
    answers = []
    for model in (run, str(tmp_path / "model")):
        assert predict.main(["--model", model, "--data", str(data), "--text_column=text"]) == 0
        answers.append(capsys.readouterr().out)
    assert "very good" in answers[0] or "neutral" in answers[0]
    assert len(answers[0].splitlines()) == len(answers[1].splitlines())


def test_what_is_left_out_is_said(tmp_path, capsys):
    tensors = huggingface_weights(random_weights(pooler=False, masked_lm=True), "")
    tensors["embeddings.position_ids"] = np.arange(20)
    tensors = {n: v for n, v in tensors.items() if not n.startswith("cls.")}
    source = write_huggingface_folder(tmp_path / "source", tensors, {})
    arguments = ["--source", str(source), "--output", str(tmp_path / "run"), "--nolowercase"]
    assert import_checkpoint.main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  encoder, 5,008 weights",
        f"  {len(TOKENS)} tokens, case kept",
        "  left out: embeddings.position_ids (a buffer: 0, 1, 2, …)",
        "  not in it: pooler/bias (the source has no pooler: random, the same at each import)",
        "  not in it: pooler/kernel (the source has no pooler: random, the same at each import)",
    ]
    inputs = {"token_ids": TOKEN_IDS, "segment_ids": SEGMENT_IDS, "padding_mask": PADDING_MASK}
    assert TrainedModel.load(tmp_path / "run").model(inputs)["pooled_output"].shape == (3, 16)


def test_labels_are_given(tmp_path, capsys):
    weights = huggingface_weights(random_weights(labels=2))
    source = write_huggingface_folder(tmp_path / "source", weights, {})
    arguments = ["--source", str(source), "--output", str(tmp_path / "run")]
    assert import_checkpoint.main([*arguments, "--labels=bad,good", "--text_pair"]) == 0
    settings = TrainedModel.load(tmp_path / "run").settings
    assert (settings.labels, settings.text_pair) == (("bad", "good"), True)
    # The same command again would write over what may have been trained since.
    assert import_checkpoint.main([*arguments, "--labels=a,b"]) == 1
    assert "exists and is not empty" in capsys.readouterr().err
    assert TrainedModel.load(tmp_path / "run").settings == settings


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--source={folder}"], 2, "--output is required"),
        (["--source={folder}", "--output={folder}/run", "--from=onnx"], 2, "--from=onnx"),
        (["--source={folder}", "--output={folder}/run"], 1, "{folder} is no checkpoint"),
        (["--source={folder}/no such", "--output={folder}/run"], 1, "does not exist"),
        (["--source={folder}/a.txt", "--output={folder}/run"], 1, "a.txt is no checkpoint"),
        (["--source={folder}", "--output={folder}/run", "--from=hf"], 1, "no fields"),
    ],
)
def test_what_users_get_wrong(arguments, code, message, tmp_path, capsys):
    (tmp_path / "a.txt").touch()
    (tmp_path / "config.json").write_text(json.dumps(["no fields"]))
    arguments = [argument.format(folder=tmp_path) for argument in arguments]
    assert import_checkpoint.main(arguments) == code
    error = capsys.readouterr().err
    assert error.startswith("bertcls-import: ")
    assert message.format(folder=tmp_path) in error
    assert not (tmp_path / "run").exists()


def test_help_loads_no_tensorflow():
    program = (
        "import sys; from keras_bert_cls.cli import import_checkpoint as program; "
        "code = program.main(['--help']); sys.exit(code or 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--source" in done.stdout
