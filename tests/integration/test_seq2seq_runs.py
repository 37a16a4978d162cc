"""Whole sequence-to-sequence runs: killed, on several devices, and to the end of a known task."""

import pathlib
import runpy

import numpy as np
import pytest
from tiny_runs import with_fields, write_config
from tiny_seq2seq import seq2seq_config, write_pairs
from whole_runs import Program, assert_same_end, weights_of

from benchmarks.reverse_pairs import write_pairs as write_reverse_pairs
from keras_bert_cls.export.saved_model import export_saved_model
from keras_bert_cls.training.seq2seq import train_seq2seq
from keras_bert_cls.transducer import Transducer

REVERSE = pathlib.Path(__file__).parents[2] / "configs/seq2seq_reverse.py"


@pytest.fixture
def files(tmp_path):
    write_pairs(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_run_that_is_killed_ends_as_if_nothing_had_happened(files, precision):
    config = seq2seq_config(
        files,
        train_steps=120,
        train_log_every=6,
        train_eval_every=35,
        train_checkpoint_every=20,
        train_steps_per_call=6,
        train_accumulation=2,
        train_precision=precision,
    )
    assert config.decoder.dropout == config.decoder.attention_dropout == 0.1
    path = write_config(files / "config.py", config)
    whole, broken = (Program("seq2seq", path, files / name) for name in ("whole", "broken"))
    whole.finish()
    for step in (30, 70):
        assert broken.kill_when(lambda s=step: broken.has_logged(s))
        assert not (broken.workdir / "model.keras").exists()
    broken.finish()
    assert_same_end(whole.workdir, broken.workdir)


@pytest.mark.slow
def test_replicas_train_as_one_device_does(files):
    config = seq2seq_config(files, train_steps=20, train_log_every=1, optimizer_clip_norm=0.2)
    path = write_config(files / "config.py", config)
    flags = {"one": (), "mirrored": ("--devices=2",)}
    found = {}
    for strategy, more in flags.items():
        run = Program("seq2seq", path, files / strategy, f"--strategy={strategy}", *more)
        run.finish()
        found[strategy] = weights_of(run.workdir)
    for path, values in found["one"].items():
        np.testing.assert_allclose(found["mirrored"][path], values, atol=1e-5, err_msg=path)


@pytest.mark.slow
def test_reversing_is_learned(tmp_path):
    folder = tmp_path / "data"
    write_reverse_pairs(folder, rows=20_000, longest=10, seed=0)
    config = runpy.run_path(str(REVERSE))["get_config"]()
    splits = ("train", "dev", "test")
    there = {f"data_{split}_files": (f"{folder}/{split}.tsv",) for split in splits}
    config = with_fields(config, **there, tokenizer_vocabulary=f"{folder}/vocab.txt")
    result = train_seq2seq(config, tmp_path / "run")
    assert result.scores["test"].values["exact_match"] >= 0.99
    export_saved_model(result.trained, tmp_path / "out")
    (written,) = Transducer.load(tmp_path / "out").write(["k e r a s"])
    assert written.text == "s a r e k"
