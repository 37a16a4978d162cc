"""bertcls-tune-batching, with the server that it starts."""

import pytest
import tiny_models

from keras_bert_cls.cli import tune_batching
from keras_bert_cls.server.batching_parameters import with_batching_parameters
from keras_bert_cls.server.options import ServerOptions


@pytest.fixture(autouse=True)
def fresh_flags():
    tune_batching.program.flags.unparse_flags()


@pytest.fixture
def texts(tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("好吃！\nnever again\n", encoding="utf-8")
    return file


@pytest.mark.slow
def test_a_file_for_a_model(tmp_path, texts, capsys):
    tiny_models.write_classifier(tmp_path / "base" / "1")
    output = tmp_path / "batching.config"
    arguments = [
        f"--model_base_path={tmp_path / 'base'}",
        f"--texts={texts}",
        f"--output={output}",
        "--largest_batch=8",
        "--largest_request=8",
        "--seconds=0.05",
    ]
    assert tune_batching.main(arguments) == 0
    assert capsys.readouterr().out.endswith(f"wrote {output}\n")
    read = with_batching_parameters(ServerOptions(batching_parameters_file=output))
    assert read.max_batch_size == 8
    assert "2 of " in output.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_folder_without_a_model(tmp_path, texts, capsys):
    arguments = [f"--model_base_path={tmp_path / 'absent'}", f"--texts={texts}", "--output=x"]
    assert tune_batching.main(arguments) == 1
    error = capsys.readouterr().err
    assert "bertcls-serve does not start" in error
    assert "absent" in error


def test_no_texts(tmp_path, capsys):
    empty = tmp_path / "empty.txt"
    empty.write_text("", encoding="utf-8")
    arguments = ["--model_base_path=absent", f"--texts={empty}", "--output=x"]
    assert tune_batching.main(arguments) == 1
    assert "expected texts, found none" in capsys.readouterr().err
