"""Models that keras-nlp saved, against keras-nlp."""

import keras_nlp
import numpy as np
import pytest
from random_bert import (
    CONFIG,
    MASK_POSITIONS,
    PADDING_MASK,
    SEGMENT_IDS,
    TOKEN_IDS,
    TOKENS,
    write_vocabulary,
)

from keras_bert_cls.checkpoints.import_checkpoint import import_checkpoint, load_encoder
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.encoder import encoder_config

INPUTS = {"token_ids": TOKEN_IDS, "segment_ids": SEGMENT_IDS, "padding_mask": PADDING_MASK}


def randomize(model):
    generator = np.random.default_rng(5)
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(generator.normal(weight.name == "gamma", 0.3, weight.shape))
    return model


def make_backbone():
    backbone = keras_nlp.models.BertBackbone(
        vocabulary_size=len(TOKENS),
        num_layers=CONFIG["num_hidden_layers"],
        num_heads=CONFIG["num_attention_heads"],
        hidden_dim=CONFIG["hidden_size"],
        intermediate_dim=CONFIG["intermediate_size"],
        dropout=0.25,
        max_sequence_length=20,
    )
    return randomize(backbone)


def make_tokenizer(lowercase=True):
    return keras_nlp.models.BertTokenizer(vocabulary=TOKENS, lowercase=lowercase)


def make_classifier(activation=None, num_classes=3):
    preprocessor = keras_nlp.models.BertTextClassifierPreprocessor(make_tokenizer())
    return randomize(
        keras_nlp.models.BertTextClassifier(
            make_backbone(), num_classes, preprocessor, activation, dropout=0.35
        )
    )


def make_masked_lm():
    preprocessor = keras_nlp.models.BertMaskedLMPreprocessor(make_tokenizer(), mask_token_rate=1.0)
    return randomize(keras_nlp.models.BertMaskedLM(make_backbone(), preprocessor))


def save(model, folder, kind):
    """Saves as a preset's folder or as a file; returns the source."""
    if kind == "preset":
        model.save_to_preset(folder)
        return folder
    folder.mkdir()
    model.save(folder / "model.keras")
    return folder / "model.keras"


def outputs_of(model):
    wanted = {**INPUTS, "mask_positions": MASK_POSITIONS}
    outputs = model({name: wanted[name] for name in model.input}, training=False)
    return {name: value.numpy() for name, value in outputs.items()}


def close(found, expected):
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["preset", "file"])
def test_backbone(kind, tmp_path):
    backbone = make_backbone()
    source = save(backbone, tmp_path / "model", kind)
    if kind == "preset":
        make_tokenizer(lowercase=False).save_to_preset(source)
    else:
        write_vocabulary(tmp_path / "model")
    imported = import_checkpoint(source)
    outputs, expected = outputs_of(imported.model), backbone(INPUTS)
    close(outputs["sequence_output"], expected["sequence_output"] * PADDING_MASK[:, :, None])
    close(outputs["pooled_output"], expected["pooled_output"])
    assert imported.settings.lowercase == (kind == "file")
    assert encoder_config(imported.model).dropout == 0.25
    close(outputs_of(load_encoder(source))["pooled_output"], expected["pooled_output"])


@pytest.mark.parametrize("kind", ["preset", "file"])
def test_classifier(kind, tmp_path):
    classifier = make_classifier()
    imported = import_checkpoint(save(classifier, tmp_path / "model", kind), labels="abc")
    close(outputs_of(imported.model)["logits"], classifier(INPUTS))
    assert imported.settings.task == "single_label"
    assert imported.settings.labels == ("a", "b", "c")
    assert imported.model.get_layer("classifier_dropout").rate == 0.35
    assert set(imported.ignored.values()) == {"a slot of the optimizer"}


@pytest.mark.parametrize(
    ("activation", "count", "task"),
    [
        ("softmax", 3, "single_label"),
        ("sigmoid", 3, "multi_label"),
        (None, 1, "regression"),
    ],
)
def test_tasks_of_classifiers(activation, count, task, tmp_path):
    source = save(make_classifier(activation, count), tmp_path / "model", "file")
    assert import_checkpoint(source).settings.task == task


@pytest.mark.parametrize("kind", ["preset", "file"])
def test_masked_lm(kind, tmp_path):
    masked_lm = make_masked_lm()
    imported = import_checkpoint(save(masked_lm, tmp_path / "model", kind))
    outputs = outputs_of(imported.model)
    close(outputs["logits"], masked_lm({**INPUTS, "mask_positions": MASK_POSITIONS}))
    close(outputs["pooled_output"], masked_lm.backbone(INPUTS)["pooled_output"])
    imported.save(tmp_path / "run")
    restored = type(imported).load(tmp_path / "run")
    close(outputs_of(restored.model)["logits"], outputs["logits"])


def test_what_users_get_wrong(tmp_path):
    source = save(make_backbone(), tmp_path / "backbone", "file")
    with pytest.raises(UserError, match=r"holds no vocabulary: put the model's vocab\.txt beside"):
        import_checkpoint(source)
    source.write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"could not be read as a \.keras file"):
        import_checkpoint(source)
    preset = save(make_classifier(), tmp_path / "preset", "preset")
    (preset / "task.weights.h5").write_bytes(b"no HDF5")
    with pytest.raises(UserError, match=r"task\.weights\.h5 could not be read as HDF5"):
        import_checkpoint(preset)
    other = tmp_path / "other"
    keras_nlp.models.DistilBertBackbone(8, 1, 2, 8, 8).save_to_preset(other)
    with pytest.raises(UserError, match="BertMaskedLM, got 'DistilBertBackbone'"):
        import_checkpoint(other)
