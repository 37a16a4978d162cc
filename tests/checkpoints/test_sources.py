"""Names, paths and init_from."""

import huggingface_hub
import numpy as np
import pytest
from huggingface_cases import write_case
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
from tiny_runs import finetune_config, pretrain_config, write_files
from tiny_trained_models import make_trained_model

from keras_bert_cls.checkpoints.hub import find_source
from keras_bert_cls.checkpoints.import_checkpoint import (
    import_checkpoint,
    load_encoder,
    load_source,
)
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.encoder import build_encoder, copy_shared_weights
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.training.finetune import finetune
from keras_bert_cls.training.starting_point import starting_point


def weights_of(model):
    return {weight.path: weight.numpy() for weight in model.weights}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for path, values in expected.items():
        np.testing.assert_array_equal(found[path], values)


@pytest.mark.parametrize("name", ["encoder", "masked lm", "pretraining", "classifier"])
def test_runs_start_from_checkpoints(name, tmp_path):
    source = write_case(tmp_path, name)
    config = finetune_config(tmp_path, init_from=str(source))
    start = starting_point(config)
    assert start.encoder.activation == (
        "gelu_tanh" if name in ("classifier", "masked lm") else "gelu"
    )
    assert start.encoder.dropout == config.encoder.dropout
    encoder = build_encoder(start.encoder)
    copy_shared_weights(start.model, encoder)
    expected = weights_of(load_encoder(source))
    found = weights_of(encoder)
    if name == "masked lm":  # has no pooler, so that the run draws its own
        expected |= {path: found[path] for path in ("pooler/kernel", "pooler/bias")}
    assert_same(found, expected)


def test_fine_tuning_starts_there(tmp_path):
    """With a rate of almost 0, the weights that come out are those that went in."""
    write_files(tmp_path)
    source = write_case(tmp_path / "source", "pretraining")
    config = finetune_config(
        tmp_path, init_from=str(source), train_steps=1, optimizer_learning_rate=1e-30
    )
    finetune(config, tmp_path / "run")
    assert_same(weights_of(load_encoder(tmp_path / "run")), weights_of(load_encoder(source)))
    assert TrainedModel.load(tmp_path / "run").tokenizer.vocabulary.tokens[5] == "the"


def test_too_long_texts_are_refused(tmp_path):
    source = write_case(tmp_path, "masked lm")
    config = pretrain_config(tmp_path, init_from=str(source), data_max_length=21)
    with pytest.raises(UserError, match=f"the encoder of {source} has 20 positions"):
        starting_point(config)


def test_runs_are_sources_too(tmp_path):
    trained = make_trained_model("masked_lm")
    trained.save(tmp_path)
    assert load_source(tmp_path).settings == trained.settings
    found, expected = weights_of(load_encoder(tmp_path)), weights_of(trained.model)
    assert {path: found[path] for path in found.keys() & expected.keys()}.keys() == (
        found.keys() - {"pooler/kernel", "pooler/bias"}
    )
    with pytest.raises(UserError, match="is no checkpoint"):
        import_checkpoint(tmp_path)


def test_names_are_looked_up_on_the_hub(tmp_path, monkeypatch):
    write_case(tmp_path, "encoder")
    asked = []

    def snapshot_download(name, allow_patterns):
        asked.append((name, allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.chdir(tmp_path)
    assert find_source("bert-base-chinese") == tmp_path
    assert find_source("some_one/bert-tiny.v2", allow_pickle_weights=True) == tmp_path
    assert [name for name, _ in asked] == ["bert-base-chinese", "some_one/bert-tiny.v2"]
    assert ["pytorch_model.bin" in files for _, files in asked] == [False, True]
    assert find_source("vocab.txt").name == "vocab.txt"  # a path that exists is never a name
    assert len(asked) == 2
    assert import_checkpoint("bert-base-chinese").settings.task == "encoder"


@pytest.mark.parametrize(
    "error",
    [
        LocalEntryNotFoundError("no connection"),
        HFValidationError("no connection"),
        ConnectionError("no connection"),
    ],
)
def test_without_a_hub(error, monkeypatch):
    def snapshot_download(name, allow_patterns):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(UserError, match="neither a path here nor a model") as raised:
        import_checkpoint("bert-base-chinese")
    assert "no connection" in str(raised.value)
    assert "give that folder" in str(raised.value)


def test_what_looks_like_a_path_is_no_name(tmp_path):
    for source in (tmp_path / "none", "./none", "a/b/none", "runs/none"):
        with pytest.raises(UserError, match="does not exist: expected a folder or file") as raised:
            import_checkpoint(source)
        assert f"bertcls-import --output {source} makes one" in str(raised.value)
    with pytest.raises(UserError, match="format must be one of hf, google, keras_nlp, auto"):
        import_checkpoint(tmp_path, "onnx")
