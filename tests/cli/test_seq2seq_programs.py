"""bertcls-seq2seq and bertcls-transduce."""

import json

import pytest
from tiny_runs import write_config
from tiny_seq2seq import seq2seq_config, write_pairs
from tiny_seq2seq_models import make_seq2seq_model
from tiny_trained_models import make_trained_model

from keras_bert_cls.cli import seq2seq, transduce
from keras_bert_cls.errors import UserError
from keras_bert_cls.export.saved_model import export_saved_model
from keras_bert_cls.transducer import Transducer

TEXTS = ["the movie was good", "很好看！"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    make_seq2seq_model().save(folder)
    return folder


@pytest.fixture
def data(tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    return file


@pytest.fixture(autouse=True)
def fresh_flags():
    transduce.program.flags.unparse_flags()


def test_texts_of_a_run(run, data, capsys):
    expected = Transducer.load(run).write(TEXTS)
    assert transduce.main(["--model", str(run), "--data", str(data)]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [f"{w.text}\t{w.score:.6f}" for w in expected]
    assert captured.err == ""
    flags = ["--method", "beam", "--beams", "3", "--max_length", "2", "--output_format", "jsonl"]
    assert transduce.main(["--model", str(run), "--data", str(data), *flags]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = Transducer.load(run, method="beam", beams=3, max_length=2).write(TEXTS)
    assert [(row["written"], row["text"]) for row in rows] == [
        (written.text, text) for written, text in zip(expected, TEXTS, strict=True)
    ]


def test_what_is_refused(run, data, tmp_path, capsys):
    def message(model, *flags):
        assert transduce.main(["--model", str(model), "--data", str(data), *flags]) == 1
        return capsys.readouterr().err

    assert "holds no model" in message(tmp_path)
    assert "the decoder has 6 positions" in message(run, "--max_length", "7")
    assert "of method 'beam', not of 'greedy'" in message(run, "--method", "greedy", "--beams", "8")
    with pytest.raises(UserError, match="batch_size must be at least 1, got 0"):
        Transducer.load(run).write(TEXTS, batch_size=0)
    make_trained_model("regression").save(tmp_path / "other")
    assert "is a regression model, which writes no texts" in message(tmp_path / "other")
    export_saved_model(make_seq2seq_model(), tmp_path / "out", warmup=False)
    assert "is an export, in which beams is fixed" in message(tmp_path / "out", "--beams", "2")


def test_training(tmp_path, capsys):
    write_pairs(tmp_path)
    config = seq2seq_config(tmp_path, train_steps=2, data_dev_files=())
    path = write_config(tmp_path / "config.py", config)
    flags = ["--config", str(path), "--workdir", str(tmp_path / "run")]
    assert seq2seq.main([*flags, "--config.generation.max_length=3"]) == 0
    output = capsys.readouterr().out
    assert "rouge_l" in output and f"the model is in {tmp_path / 'run'}" in output
    assert Transducer.load(tmp_path / "run").write(["the film"])
    seq2seq.program.flags.unparse_flags()
    assert seq2seq.main([*flags, "--config.decoder.max_length=3"]) == 1
    assert "max_target_length is 10, but the decoder has 3" in capsys.readouterr().err
