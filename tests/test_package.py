"""The package as a whole: what importing it loads, and what Keras knows afterwards."""

import json
import subprocess
import sys

import numpy as np
import pytest

import keras_bert_cls

HEAVY = ("tensorflow", "keras", "tensorflow_text", "numpy", "grpc", "google.protobuf")
LIGHT = ("keras_bert_cls", "keras_bert_cls.modeling.config", "keras_bert_cls.training.config")


def run_python(code, *arguments):
    """Runs code in a fresh process; returns the JSON that its last line is."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("module", LIGHT)
def test_importing_is_light(module):
    loaded = run_python(
        f"import json, sys, {module}; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    assert loaded == []


def test_every_public_name_resolves():
    for name in keras_bert_cls.__all__:
        assert getattr(keras_bert_cls, name) is not None
    assert dir(keras_bert_cls) == sorted(keras_bert_cls.__all__)
    assert keras_bert_cls.EncoderConfig.__module__ == "keras_bert_cls.modeling.config"


def test_unknown_names():
    with pytest.raises(AttributeError, match="'keras_bert_cls' has no attribute 'Tokeniser'"):
        keras_bert_cls.Tokeniser  # noqa: B018
    assert not hasattr(keras_bert_cls, "__wrapped__")


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    """A model with every layer and function of ours, and its logits for one input."""
    config = keras_bert_cls.EncoderConfig(
        vocabulary_size=9,
        hidden_dim=4,
        num_layers=1,
        num_heads=2,
        intermediate_dim=8,
        max_sequence_length=8,
        activation="gelu_tanh",
    )
    model = keras_bert_cls.masked_lm_model(config)
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    model.save(path)
    inputs = {name: np.ones((1, 4), np.int32) for name in model.input}
    return path, model(inputs, training=False)["logits"].numpy()


# Each takes seconds: a process that loads TensorFlow. Where a module of ours comes first, Keras is
# imported, and our layers registered, in the middle of it.
@pytest.mark.parametrize(
    "imports",
    [
        "keras, keras_bert_cls",
        "keras_bert_cls, keras",
        "keras_bert_cls, tensorflow, keras",
        "keras_bert_cls.modeling.activations, keras",
        "keras_bert_cls.modeling.token_packing, keras",
        pytest.param("keras_bert_cls, keras.saving", marks=pytest.mark.slow),
        pytest.param("keras_bert_cls.modeling.embedding_sum, keras", marks=pytest.mark.slow),
        pytest.param("keras_bert_cls.modeling.encoder, keras", marks=pytest.mark.slow),
        pytest.param("keras_bert_cls.modeling.heads, keras", marks=pytest.mark.slow),
        pytest.param("keras_bert_cls.modeling.layers, keras", marks=pytest.mark.slow),
        pytest.param("keras_bert_cls.modeling.transformer_block, keras", marks=pytest.mark.slow),
    ],
)
def test_keras_loads_models_whatever_is_imported_first(imports, saved_model):
    path, expected = saved_model
    logits = run_python(
        f"import sys, json, {imports}\nimport numpy as np\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "inputs = {name: np.ones((1, 4), np.int32) for name in model.input}\n"
        "print(json.dumps(model(inputs, training=False)['logits'].numpy().tolist()))",
        path,
    )
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-6)
