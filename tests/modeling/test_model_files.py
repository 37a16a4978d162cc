"""Models on disk."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from small_encoders import predict, random_inputs, randomize, small_config

from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.encoder import build_encoder, encoder_config
from keras_bert_cls.modeling.models import classifier_model, masked_lm_model
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary

CONFIGS = {
    "default": small_config(),
    "gelu_tanh": small_config(activation="gelu_tanh"),
    "relu_padded": small_config(activation="relu", pack_tokens=False),
    "all_else": small_config(
        dropout=0.2, attention_dropout=0.3, layer_norm_epsilon=1e-5, initializer_stddev=0.05
    ),
}
BUILDERS = {
    "encoder": build_encoder,
    "masked_lm": masked_lm_model,
    "masked_lm_with_pairs": lambda config: masked_lm_model(config, pair_objective=True),
    "classifier": lambda config: classifier_model(config, 3, dropout=0.25),
}


def inputs_of(model):
    inputs = random_inputs()
    if "mask_positions" in model.input:
        inputs["mask_positions"] = np.array([[0, 8], [3, 15], [0, 0], [4, 2]], np.int32)
    return inputs


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
def test_keras_files_restore_the_model_exactly(build, config, tmp_path):
    model = randomize(build(config))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert encoder_config(loaded) == config
    assert [w.path for w in loaded.weights] == [w.path for w in model.weights]
    expected, found = predict(model, inputs_of(model)), predict(loaded, inputs_of(model))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)
    # A second trip writes the same: nothing is lost that the numbers do not show.
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())


def test_a_loaded_model_can_be_built_upon(tmp_path):
    config = small_config(activation="gelu_tanh")
    randomize(build_encoder(config)).save(tmp_path / "encoder.keras")
    encoder = keras.saving.load_model(tmp_path / "encoder.keras")
    model = classifier_model(encoder, 2)
    assert encoder_config(model) == config
    inputs = random_inputs()
    np.testing.assert_array_equal(
        predict(model, inputs)["pooled_output"], predict(encoder, inputs)["pooled_output"]
    )


TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{i}" for i in range(45)))


def trained_model():
    settings = ModelSettings(
        task="single_label",
        labels=("积极", "b c", "#"),
        text_pair=True,
        max_length=20,
        lowercase=False,
        strip_accents=True,
    )
    tokenizer = Tokenizer(Vocabulary(TOKENS), lowercase=False, strip_accents=True)
    return TrainedModel(randomize(classifier_model(small_config(), 3)), tokenizer, settings)


def test_trained_model_round_trip(tmp_path):
    trained = trained_model()
    trained.save(tmp_path / "new" / "run")
    loaded = TrainedModel.load(tmp_path / "new" / "run")
    assert loaded.settings == trained.settings
    assert loaded.tokenizer.vocabulary == trained.tokenizer.vocabulary
    assert (loaded.tokenizer.lowercase, loaded.tokenizer.strip_accents) == (False, True)
    expected, found = (predict(t.model, random_inputs()) for t in (trained, loaded))
    np.testing.assert_array_equal(found["logits"], expected["logits"])
    assert (tmp_path / "new" / "run" / "labels.txt").read_text("utf-8") == "积极\nb c\n#\n"
    names = {path.name for path in (tmp_path / "new" / "run").iterdir()}
    assert names == {"model.keras", "vocab.txt", "labels.txt", "model_settings.json"}


def test_settings_without_labels(tmp_path):
    trained = trained_model()
    trained.settings = ModelSettings(task="regression")
    trained.save(tmp_path)
    assert TrainedModel.load(tmp_path).settings == trained.settings


@pytest.mark.parametrize("missing", ["model.keras", "vocab.txt", "model_settings.json"])
def test_an_unfinished_folder_is_refused(tmp_path, missing):
    for name in {"model.keras", "vocab.txt", "model_settings.json"} - {missing}:
        (tmp_path / name).write_text("{}")
    with pytest.raises(UserError, match=f"{tmp_path} holds no finished model: {missing} is missi"):
        TrainedModel.load(tmp_path)


@pytest.mark.parametrize("given", ["", "1"])
def test_an_export_is_refused_as_a_run(tmp_path, given):
    (tmp_path / "1").mkdir()
    (tmp_path / "1/saved_model.pb").touch()
    with pytest.raises(UserError, match=f"{tmp_path / given} is an export: expected the --workdir"):
        TrainedModel.load(tmp_path / given)


def test_a_broken_off_save_leaves_no_model(tmp_path, monkeypatch):
    trained = trained_model()

    def break_off(path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(trained.model, "save", break_off)
    with pytest.raises(KeyboardInterrupt):
        trained.save(tmp_path)
    with pytest.raises(UserError, match=r"model\.keras is missing"):
        TrainedModel.load(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "Expecting property name"),
        ("[]", "expected a JSON object"),
        ('{"task": "masked_lm"}', "labels"),
        ('{"task": "masked_lm", "labels": [], "colour": 1}', "colour"),
    ],
)
def test_damaged_settings_are_a_user_error(tmp_path, content, message):
    trained_model().save(tmp_path)
    (tmp_path / "model_settings.json").write_text(content)
    with pytest.raises(UserError, match=rf"model_settings\.json.*{message}"):
        TrainedModel.load(tmp_path)


def test_settings_are_readable_json(tmp_path):
    trained = trained_model()
    trained.save(tmp_path)
    content = (tmp_path / "model_settings.json").read_text("utf-8")
    assert "积极" in content
    assert json.loads(content) == {
        **dataclasses.asdict(trained.settings),
        "labels": ["积极", "b c", "#"],
    }
