"""Models that read documents, against the plain model run on each window."""

import keras
import numpy as np
import pytest
from plain_windows import plain_pool, plain_windows, two_models
from small_encoders import predict, random_inputs, randomize, small_config

from keras_bert_cls.checkpoints.huggingface_export import export_to_huggingface
from keras_bert_cls.checkpoints.imported_model import encoder_of
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.document_config import POOLINGS, DocumentConfig
from keras_bert_cls.modeling.document_encoder import (
    document_config,
    document_encoder,
    encoded_mask,
)
from keras_bert_cls.modeling.encoder import copy_shared_weights, encoder_config
from keras_bert_cls.modeling.models import classifier_model, masked_lm_model
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel

SIZE, OVERLAP = 16, 5
LENGTHS = (5000, 16, 1, 17, 203)


def reference(plain: keras.Model, inputs, row: int, pooling: str, query) -> dict[str, np.ndarray]:
    """Runs the model without windows on windows without padding, and pools in float64."""
    count = inputs["padding_mask"][row].sum()
    *whole, last = plain_windows(list(range(count)), SIZE, OVERLAP)
    vectors = []
    for windows in (whole, [last]):
        if windows:
            alone = {name: value[row, np.array(windows)] for name, value in inputs.items()}
            vectors += [*predict(plain, alone)["pooled_output"].astype(np.float64)]
    pooled = plain_pool(np.array(vectors), pooling, query)
    kernel, bias = plain.get_layer("logits").get_weights()
    return {"pooled_output": pooled, "logits": pooled @ kernel + bias}


@pytest.mark.parametrize("pooling", POOLINGS)
def test_windows_of_5000_tokens(pooling):
    documents, plain = two_models(DocumentConfig(SIZE, OVERLAP, pooling))
    query = None
    if pooling == "attention":
        query = documents.get_layer("pool_windows").get_weights()[0].astype(np.float64)
    inputs = random_inputs(LENGTHS, max(LENGTHS) + 3)
    found = predict(documents, inputs)
    for row in range(len(LENGTHS)):
        expected = reference(plain, inputs, row, pooling, query)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name][row], values, atol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("pack_tokens", [True, False])
def test_texts_that_fit_give_the_same_as_without_windows(pooling, pack_tokens):
    models = two_models(DocumentConfig(SIZE, OVERLAP, pooling), pack_tokens=pack_tokens)
    for inputs in (random_inputs(), random_inputs((16, 3, 0), 24)):
        documents, plain = (predict(model, inputs) for model in models)
        for name, values in plain.items():
            np.testing.assert_allclose(documents[name], values, atol=1e-6)


def test_the_encoder_computes_real_windows_only():
    model, plain = two_models(DocumentConfig(SIZE, OVERLAP))
    inputs = random_inputs(LENGTHS, 5000)
    windows = [plain_windows(list(range(count)), SIZE, OVERLAP) for count in LENGTHS]
    mask = encoded_mask(model, inputs["padding_mask"])
    assert mask.shape == (sum(map(len, windows)), SIZE)
    assert int(mask.numpy().sum()) == sum(len(w) for document in windows for w in document)
    assert encoded_mask(plain, inputs["padding_mask"]) is inputs["padding_mask"]


def test_files_and_configs(tmp_path):
    settings = DocumentConfig(SIZE, OVERLAP, "attention")
    model, plain = two_models(settings)
    assert document_config(model) == settings
    assert document_config(plain) is None
    assert encoder_config(model) == encoder_config(plain) == small_config()
    inputs = random_inputs((40, 7), 40)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert document_config(loaded) == settings
    assert [weight.path for weight in loaded.weights] == [weight.path for weight in model.weights]
    assert {weight.path for weight in model.weights} - {w.path for w in plain.weights} == {
        "pool_windows/query"
    }
    for name, values in predict(model, inputs).items():
        np.testing.assert_array_equal(predict(loaded, inputs)[name], values)


def test_weights_come_from_pretraining_and_go_on():
    masked_lm = randomize(masked_lm_model(small_config()), seed=3)
    encoder = document_encoder(small_config(), DocumentConfig(SIZE, OVERLAP, "attention"))
    model = classifier_model(encoder, 2)
    copy_shared_weights(masked_lm, model)
    there = {weight.path: weight.numpy() for weight in masked_lm.weights}
    shared = [weight for weight in model.weights if weight.path in there]
    assert len(shared) == len(model.weights) - 5  # pooler, query and logits
    for weight in shared:
        np.testing.assert_array_equal(weight, there[weight.path])
    again = encoder_of(model)
    inputs = random_inputs()
    np.testing.assert_allclose(
        predict(again, inputs)["pooled_output"], predict(model, inputs)["pooled_output"], atol=1e-6
    )
    assert predict(again, inputs)["sequence_output"].shape == (4, 16, 16)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_mixed_precision(precision, pooling):
    settings = DocumentConfig(SIZE, OVERLAP, pooling)
    plain, _ = two_models(settings)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        mixed, _ = two_models(settings)
    finally:
        keras.config.set_dtype_policy(before)
    mixed.set_weights(plain.get_weights())
    inputs = random_inputs((90, 7), 90)
    logits = [predict(model, inputs)["logits"] for model in (mixed, plain)]
    assert logits[0].dtype == np.float32
    np.testing.assert_allclose(*logits, atol=0.05)


def test_transformers_has_no_such_class(tmp_path):
    model, _ = two_models(DocumentConfig(SIZE, OVERLAP))
    trained = TrainedModel(model, None, ModelSettings("single_label", ("a", "b", "c")))
    with pytest.raises(UserError, match="no class that pools windows"):
        export_to_huggingface(trained, tmp_path / "out")


def test_a_window_longer_than_the_encoder():
    with pytest.raises(UserError, match="window_length is 25, but the encoder has 24 positions"):
        document_encoder(small_config(), DocumentConfig(25))
