"""Hugging Face folders, against what transformers computes from them.

huggingface_golden.json is made by make_huggingface_golden.py.
"""

import json
import pathlib

import numpy as np
import pytest
from huggingface_cases import CASES, write_case
from random_bert import (
    CASED_TOKENS,
    CONFIG,
    MASK_POSITIONS,
    PADDING_MASK,
    SEGMENT_IDS,
    TOKEN_IDS,
    TOKENS,
    huggingface_weights,
    random_weights,
    write_huggingface_folder,
    write_vocabulary,
)
from safetensors.numpy import load_file, save_file
from tokenizer_cases import TEXTS, TOKENIZERS, fast_tokenizer, write_tokenizer

from keras_bert_cls.checkpoints.huggingface_tokenizer import read_max_length, read_tokenizer
from keras_bert_cls.checkpoints.import_checkpoint import import_checkpoint, load_encoder
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.encoder import encoder_config
from keras_bert_cls.modeling.trained_model import TrainedModel

GOLDEN = json.loads(pathlib.Path(__file__).with_name("huggingface_golden.json").read_text())
INPUTS = {"token_ids": TOKEN_IDS, "segment_ids": SEGMENT_IDS, "padding_mask": PADDING_MASK}


def outputs_of(model):
    wanted = {**INPUTS, "mask_positions": MASK_POSITIONS}
    outputs = model({name: wanted[name] for name in model.input}, training=False)
    return {name: value.numpy() for name, value in outputs.items()}


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_those_of_transformers(name, tmp_path):
    imported = import_checkpoint(write_case(tmp_path, name))
    outputs = outputs_of(imported.model)
    for output, expected in GOLDEN["outputs"][name].items():
        np.testing.assert_allclose(outputs[output], expected, atol=1e-5, rtol=0)
    assert bool(imported.fresh) == (name == "encoder without pooler")


def test_settings_come_along(tmp_path):
    imported = import_checkpoint(write_case(tmp_path / "classifier", "classifier"))
    assert imported.settings.task == "single_label"
    assert imported.settings.labels == ("差", "neutral", "very good")
    assert imported.settings.max_length == 20
    assert imported.model.get_layer("classifier_dropout").rate == 0.4
    config = encoder_config(imported.model)
    assert (config.dropout, config.attention_dropout) == (0.2, 0.3)
    tasks = {
        name: import_checkpoint(write_case(tmp_path / name, name)).settings.task
        for name in ("encoder", "multi-label", "regression", "masked lm")
    }
    assert tasks == {
        "encoder": "encoder",
        "multi-label": "multi_label",
        "regression": "regression",
        "masked lm": "masked_lm",
    }


@pytest.mark.parametrize("name", ["classifier", "pretraining", "masked lm", "encoder"])
def test_what_is_saved_is_what_was_loaded(name, tmp_path):
    imported = import_checkpoint(write_case(tmp_path / "source", name))
    imported.save(tmp_path / "run")
    loaded = TrainedModel.load(tmp_path / "run")
    assert loaded.settings == imported.settings
    expected, found = outputs_of(imported.model), outputs_of(loaded.model)
    for output, values in expected.items():
        np.testing.assert_array_equal(found[output], values)


@pytest.mark.parametrize("name", ["encoder", "classifier", "masked lm"])
def test_encoders(name, tmp_path):
    folder = write_case(tmp_path / "source", name)
    outputs = outputs_of(load_encoder(folder))
    model = import_checkpoint(folder)
    model.save(tmp_path / "run")
    assert outputs.keys() == {"sequence_output", "pooled_output"}
    for output, values in outputs_of(load_encoder(tmp_path / "run")).items():
        np.testing.assert_array_equal(outputs[output], values)
    if name == "encoder":
        np.testing.assert_allclose(
            outputs["pooled_output"], GOLDEN["outputs"][name]["pooled_output"], atol=1e-5
        )


def test_names_of_old_files(tmp_path):
    """2018's gamma and beta, buffers, and a decoder stored beside the embedding that it is."""
    tensors = huggingface_weights(random_weights(masked_lm=True, pairs=True))
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value
        for name, value in tensors.items()
    }
    old["bert.embeddings.position_ids"] = np.arange(20)[None]
    old["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].copy()
    imported = import_checkpoint(write_huggingface_folder(tmp_path, old, {}))
    expected = GOLDEN["outputs"]["pretraining"]["logits"]
    np.testing.assert_allclose(outputs_of(imported.model)["logits"], expected, atol=1e-5)
    assert imported.ignored == {
        "bert.embeddings.position_ids": "a buffer: 0, 1, 2, …",
        "cls.predictions.decoder.weight": "tied to the token embedding, and equal",
    }


def test_several_files(tmp_path):
    folder = write_case(tmp_path, "classifier")
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    weight_map = {}
    for number, names in enumerate((sorted(tensors)[::2], sorted(tensors)[1::2])):
        file = f"model-{number}.safetensors"
        save_file({name: tensors[name] for name in names}, folder / file)
        weight_map |= dict.fromkeys(names, file)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    logits = outputs_of(import_checkpoint(folder).model)["logits"]
    np.testing.assert_allclose(logits, GOLDEN["outputs"]["classifier"]["logits"], atol=1e-5)
    index.write_text(json.dumps({"weight_map": {**weight_map, "more": file}}))
    with pytest.raises(UserError, match=r"names tensors that no file holds: .*more"):
        import_checkpoint(folder)
    index.write_text(json.dumps({"weight_map": {"x": "../model-0.safetensors"}}))
    with pytest.raises(UserError, match="expected names of files beside it"):
        import_checkpoint(folder)


def test_half_precision(tmp_path):
    tensors = huggingface_weights(random_weights())
    halves = {name: value.astype(np.float16) for name, value in tensors.items()}
    model = import_checkpoint(write_huggingface_folder(tmp_path, halves, {})).model
    for weight in model.weights:
        assert weight.dtype == "float32"
    embedding = model.get_layer("token_embedding").embeddings.numpy()
    name = "bert.embeddings.word_embeddings.weight"
    np.testing.assert_array_equal(embedding, halves[name].astype(np.float32))


def drop(name):
    return lambda tensors: tensors.pop(name)


def add(name, shape):
    return lambda tensors: tensors.update({name: np.zeros(shape, np.float32)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            drop("bert.encoder.layer.1.attention.self.key.bias"),
            r"missing:\n    bert\.encoder\.layer\.1\.attention\.self\.key\.bias\n",
        ),
        (
            add("bert.embeddings.word_embeddings.weight", (27, 8)),
            r"another shape than the config says:\n"
            r"    bert\.embeddings\.word_embeddings\.weight: \[27, 8\] instead of \[27, 16\]\n",
        ),
        (
            add("bert.encoder.layer.2.output.dense.bias", (16,)),
            r"of no known use:\n    bert\.encoder\.layer\.2\.output\.dense\.bias\n",
        ),
        (drop("bert.pooler.dense.bias"), r"missing:\n    bert\.pooler\.dense\.bias\n"),
        (drop("cls.predictions.bias"), r"missing:\n    cls\.predictions\.bias\n"),
        (
            add("cls.predictions.decoder.weight", (27, 16)),
            "decoder.weight differs from bert.embeddings.word_embeddings.weight",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named(change, message, tmp_path):
    tensors = huggingface_weights(random_weights(masked_lm=True, pairs=True))
    change(tensors)
    with pytest.raises(UserError, match=message):
        import_checkpoint(write_huggingface_folder(tmp_path, tensors, {}))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "roberta"}, "expected a BERT .* got 'roberta'"),
        ({"hidden_act": "silu"}, "hidden_act must be one of gelu, .*got 'silu'"),
        ({"position_embedding_type": "relative_key"}, "must be 'absolute', got 'relative_key'"),
        ({"is_decoder": True}, "is_decoder is true"),
        ({"hidden_size": "16"}, "hidden_size must be int, got '16'"),
        ({"hidden_size": None}, "the field hidden_size is missing"),
        ({"num_attention_heads": 3}, "must be a multiple of num_heads"),
        ({"vocab_size": 26}, "the vocabulary has 27 tokens, but the config says 26"),
        ({"id2label": {"0": "a", "1": "a", "2": "b"}}, "must give 3 distinct names"),
        ({"id2label": {"0": "a", "1": "b"}}, "must give 3 distinct names"),
        ({"problem_type": "regression"}, "expected a regression of one value, got 3"),
        ({"problem_type": "ranking"}, "problem_type must be one of .*got 'ranking'"),
    ],
)
def test_configs_of_other_models_are_refused(config, message, tmp_path):
    tensors = huggingface_weights(random_weights(labels=3))
    with pytest.raises(UserError, match=message):
        import_checkpoint(write_huggingface_folder(tmp_path, tensors, config))


def test_heads_of_other_tasks_are_left_out_by_name(tmp_path):
    tensors = huggingface_weights(random_weights(labels=3))
    config = {"architectures": ["BertForTokenClassification"]}
    imported = import_checkpoint(write_huggingface_folder(tmp_path, tensors, config))
    reason = "the head of BertForTokenClassification"
    assert imported.ignored == {"classifier.weight": reason, "classifier.bias": reason}
    assert imported.settings.task == "encoder"


def test_rows_without_a_token_are_kept(tmp_path):
    config = {"vocab_size": len(TOKENS) + 3}
    weights = random_weights({**CONFIG, **config})
    folder = write_huggingface_folder(tmp_path, huggingface_weights(weights), config)
    vocabulary = import_checkpoint(folder).tokenizer.vocabulary
    assert vocabulary.tokens == (*TOKENS, "[row 27]", "[row 28]", "[row 29]")


@pytest.mark.parametrize("name", TOKENIZERS)
def test_token_ids_are_those_of_transformers(name, tmp_path):
    tokenizer = read_tokenizer(write_tokenizer(tmp_path, name), len(CASED_TOKENS))
    assert tokenizer.tokenize(TEXTS).to_list() == GOLDEN["token_ids"][name]


def test_lower_case_can_be_overruled(tmp_path):
    tokenizer = read_tokenizer(write_tokenizer(tmp_path, "uncased"), len(CASED_TOKENS), False)
    assert tokenizer.tokenize(TEXTS).to_list() == GOLDEN["token_ids"]["cased"]


@pytest.mark.parametrize(
    ("config", "fast", "message"),
    [
        ({"tokenize_chinese_chars": False}, None, "tokenize_chinese_chars is false"),
        ({"do_basic_tokenize": False}, None, "do_basic_tokenize is false"),
        ({"tokenizer_class": "BertJapaneseTokenizer"}, None, "'BertJapaneseTokenizer'"),
        ({"do_lower_case": "yes"}, None, "do_lower_case must be bool, got 'yes'"),
        ({}, None, "the vocabulary, which has words in capitals, is another model's"),
        ({}, {"lowercase": False}, "tokenizer.json is another model's"),
        ({}, {"lowercase": True, "strip_accents": False}, "tokenizer.json is another model's"),
        ({}, {"handle_chinese_chars": False}, "handle_chinese_chars is False instead of True"),
        ({}, {"type": "Lowercase"}, "normalizer.type is 'Lowercase'"),
    ],
)
def test_other_tokenizers_are_refused(config, fast, message, tmp_path):
    write_vocabulary(tmp_path, CASED_TOKENS)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    if fast is not None:
        (tmp_path / "tokenizer.json").write_text(json.dumps(fast_tokenizer(fast)))
    with pytest.raises(UserError, match=message):
        read_tokenizer(tmp_path, len(CASED_TOKENS))


def test_ids_with_a_gap(tmp_path):
    fast = fast_tokenizer({})
    fast["model"]["vocab"]["movie"] = 999
    (tmp_path / "tokenizer.json").write_text(json.dumps(fast))
    with pytest.raises(
        UserError, match=r"the ids of model\.vocab are not 0, 1, 2, … without a gap"
    ):
        read_tokenizer(tmp_path, len(CASED_TOKENS))


def test_no_vocabulary(tmp_path):
    with pytest.raises(UserError, match=r"neither vocab\.txt nor tokenizer\.json"):
        read_tokenizer(tmp_path, 9)


@pytest.mark.parametrize(("limit", "length"), [(12, 12), (512, 20), (10**30, 20), (1e30, 20)])
def test_max_length(limit, length, tmp_path):
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"model_max_length": limit}))
    assert read_max_length(tmp_path, 20) == length


def test_damaged_and_missing_weights(tmp_path):
    folder = write_case(tmp_path, "encoder")
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-40])
    with pytest.raises(UserError, match=r"no whole safetensors file.*Get it again"):
        import_checkpoint(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="holds no weights"):
        import_checkpoint(folder)
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(UserError, match=r"only if you allow it \(--allow_pickle_weights\)"):
        import_checkpoint(folder)
