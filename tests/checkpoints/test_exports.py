"""Models for transformers and keras-nlp."""

import json

import keras_nlp
import numpy as np
import pytest
from huggingface_cases import CASES, write_case
from random_bert import CONFIG, MASK_POSITIONS, PADDING_MASK, SEGMENT_IDS, TOKEN_IDS, TOKENS
from safetensors.numpy import load_file
from tiny_trained_models import LABELS, TASKS, make_trained_model
from tokenizer_cases import TEXTS

from keras_bert_cls.checkpoints.huggingface_export import export_to_huggingface
from keras_bert_cls.checkpoints.import_checkpoint import import_checkpoint
from keras_bert_cls.checkpoints.keras_nlp_export import export_to_keras_nlp
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.encoder import build_encoder, encoder_config
from keras_bert_cls.modeling.models import masked_lm_model
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary

INPUTS = {"token_ids": TOKEN_IDS, "segment_ids": SEGMENT_IDS, "padding_mask": PADDING_MASK}


def outputs_of(model):
    wanted = {**INPUTS, "mask_positions": MASK_POSITIONS}
    outputs = model({name: wanted[name] for name in model.input}, training=False)
    return {name: value.numpy() for name, value in outputs.items()}


def make_encoder(**settings):
    """A trained encoder whose sizes are those of the random BERTs."""
    config = EncoderConfig(
        vocabulary_size=len(TOKENS),
        hidden_dim=CONFIG["hidden_size"],
        num_layers=2,
        num_heads=4,
        intermediate_dim=24,
        max_sequence_length=20,
        **settings,
    )
    model = build_encoder(config)
    generator = np.random.default_rng(3)
    for weight in model.weights:
        weight.assign(generator.normal(weight.name == "gamma", 0.3, weight.shape))
    return TrainedModel(
        model, Tokenizer(Vocabulary(tuple(TOKENS))), ModelSettings("encoder", max_length=20)
    )


@pytest.mark.parametrize("name", CASES)
def test_the_tensors_are_those_that_transformers_wrote(name, tmp_path):
    """The cases' files hold what transformers loads, so nothing may be added, lost or changed."""
    source = write_case(tmp_path / "source", name)
    export_to_huggingface(import_checkpoint(source), tmp_path / "export")
    found = load_file(tmp_path / "export/model.safetensors")
    for tensor, values in load_file(source / "model.safetensors").items():
        np.testing.assert_array_equal(found.pop(tensor), values)
    fresh = {"pooler.dense.weight", "pooler.dense.bias"}
    assert found.keys() == (fresh if name == "encoder without pooler" else set())


@pytest.mark.parametrize("task", TASKS)
def test_there_and_back(task, tmp_path):
    trained = make_trained_model(task, max_length=20)
    export_to_huggingface(trained, tmp_path / "export")
    back = import_checkpoint(tmp_path / "export")
    assert back.settings == trained.settings
    assert back.tokenizer.vocabulary == trained.tokenizer.vocabulary
    assert encoder_config(back.model) == encoder_config(trained.model)
    expected = {weight.path: weight.numpy() for weight in trained.model.weights}
    for weight in back.model.weights:
        np.testing.assert_array_equal(weight.numpy(), expected.pop(weight.path))
    assert not expected
    config = json.loads((tmp_path / "export/config.json").read_text(encoding="utf-8"))
    if task == "single_label":
        assert list(config["id2label"].values()) == list(LABELS)
        assert config["label2id"]["中性"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CASES, "ours"])
def test_transformers_computes_the_same(name, tmp_path):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    if name == "ours":
        trained = make_encoder(activation="gelu_tanh", layer_norm_epsilon=1e-4)
    else:
        trained = import_checkpoint(write_case(tmp_path / "source", name))
    export_to_huggingface(trained, tmp_path / "export")
    config = transformers.AutoConfig.from_pretrained(tmp_path / "export")
    kind = getattr(transformers, config.architectures[0])
    model, loading = kind.from_pretrained(tmp_path / "export", output_loading_info=True)
    assert not any(loading[what] for what in ("missing_keys", "unexpected_keys"))
    with torch.no_grad():
        answer = model.eval()(
            input_ids=torch.tensor(TOKEN_IDS).long(),
            token_type_ids=torch.tensor(SEGMENT_IDS).long(),
            attention_mask=torch.tensor(PADDING_MASK).long(),
        )
    outputs = outputs_of(trained.model)
    if "sequence_output" in outputs:
        hidden = answer.last_hidden_state.numpy() * PADDING_MASK[:, :, None]
        np.testing.assert_allclose(outputs["sequence_output"], hidden, atol=1e-5)
    else:
        logits = answer.prediction_logits if "pair_logits" in outputs else answer.logits
        if "mask_positions" in trained.model.input:
            positions = torch.tensor(MASK_POSITIONS).long()[:, :, None]
            logits = torch.take_along_dim(logits, positions, 1)
        np.testing.assert_allclose(outputs["logits"], logits.numpy(), atol=1e-5)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "export")
    for text in TEXTS:
        expected = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert trained.tokenizer.tokenize([text]).to_list() == [expected]


@pytest.mark.parametrize("task", ["encoder", "single_label"])
def test_keras_nlp_computes_the_same(task, tmp_path):
    if task == "encoder":
        trained = make_encoder(activation="gelu_tanh", dropout=0.3)
    else:
        trained = import_checkpoint(write_case(tmp_path / "source", "classifier"))
    export_to_keras_nlp(trained, tmp_path / "preset")
    backbone = keras_nlp.models.BertBackbone.from_preset(str(tmp_path / "preset"))
    expected = backbone(INPUTS)
    back = import_checkpoint(tmp_path / "preset")
    outputs = outputs_of(back.model)
    real = PADDING_MASK[:, :, None]
    np.testing.assert_allclose(
        outputs["sequence_output"], expected["sequence_output"] * real, atol=1e-5
    )
    np.testing.assert_allclose(outputs["pooled_output"], expected["pooled_output"], atol=1e-5)
    original = {weight.path: weight.numpy() for weight in trained.model.weights}
    for weight in back.model.weights:
        np.testing.assert_array_equal(weight.numpy(), original[weight.path])
    assert backbone.dropout == encoder_config(trained.model).dropout
    tokenizer = keras_nlp.models.BertTokenizer.from_preset(str(tmp_path / "preset"))
    text = "The MOVIE was good, playing résumé!"
    assert np.asarray(tokenizer(text)).tolist() == trained.tokenizer.tokenize([text]).to_list()[0]


def test_what_other_libraries_cannot_compute_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"always has activation 'gelu_tanh', .* with 'gelu'"):
        export_to_keras_nlp(make_encoder(), tmp_path / "preset")
    with pytest.raises(UserError, match="always has layer_norm_epsilon 1e-12"):
        export_to_keras_nlp(
            make_encoder(activation="gelu_tanh", layer_norm_epsilon=1e-5), tmp_path / "preset"
        )
    encoder = make_encoder(activation="gelu_tanh")
    encoder.model = masked_lm_model(encoder.model)
    encoder.model.get_layer("masked_lm_norm").epsilon = 1e-5
    with pytest.raises(UserError, match="another activation or epsilon than its encoder"):
        export_to_huggingface(encoder, tmp_path / "export")
    assert not list(tmp_path.iterdir())


def test_folders_are_not_written_over(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(UserError, match="exists and is not empty"):
        export_to_huggingface(make_encoder(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
