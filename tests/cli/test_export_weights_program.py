"""bertcls-export-weights and bertcls-trim-vocab."""

import subprocess
import sys

import pytest
from tiny_trained_models import TOKENS, make_trained_model

from keras_bert_cls.checkpoints.import_checkpoint import import_checkpoint
from keras_bert_cls.cli import export_weights, trim_vocab
from keras_bert_cls.modeling.trained_model import TrainedModel


@pytest.fixture(autouse=True)
def fresh_flags():
    for module in (export_weights, trim_vocab):
        module.program.flags.unparse_flags()


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    make_trained_model("single_label").save(folder)
    return folder


def test_weights_for_transformers(workdir, tmp_path, capsys):
    arguments = ["--workdir", str(workdir), "--to=hf", "--output", str(tmp_path / "hf")]
    assert export_weights.main(arguments) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'hf'}\n"
    back = import_checkpoint(tmp_path / "hf").settings
    assert back.labels == TrainedModel.load(workdir).settings.labels
    assert export_weights.main(arguments) == 1
    assert "exists and is not empty" in capsys.readouterr().err


def test_what_keras_nlp_cannot_compute(workdir, tmp_path, capsys):
    arguments = ["--workdir", str(workdir), "--to=keras_nlp", "--output", str(tmp_path / "p")]
    assert export_weights.main(arguments) == 1
    assert capsys.readouterr().err.startswith("bertcls-export-weights: keras-nlp's BertBackbone")
    assert export_weights.main([*arguments[:2], "--to=onnx", "--output=o"]) == 2


def test_a_trimmed_vocabulary(workdir, tmp_path, capsys):
    (tmp_path / "a.tsv").write_text("one\tother\nthe movie\tgood\n看\tbad\n", encoding="utf-8")
    columns = ["--text_column=one", "--text_column=other"]
    arguments = ["--workdir", str(workdir), "--data", f"{tmp_path}/*.tsv", *columns]
    assert trim_vocab.main([*arguments, "--output", str(tmp_path / "small")]) == 0
    found = TrainedModel.load(tmp_path / "small").tokenizer.vocabulary.tokens
    assert found[5:] == ("the", "movie", "good", "bad", "看")
    assert f"10 of {len(TOKENS)} tokens, " in capsys.readouterr().out
    arguments = ["--workdir", str(workdir), "--data=none.tsv", "--output", str(tmp_path / "x")]
    assert trim_vocab.main(arguments) == 1
    assert "none.tsv" in capsys.readouterr().err


@pytest.mark.parametrize("module", [export_weights, trim_vocab])
def test_help_loads_no_tensorflow(module):
    program = (
        f"import sys; import {module.__name__} as program; "
        "code = program.main(['--help']); sys.exit(code or 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--workdir" in done.stdout
