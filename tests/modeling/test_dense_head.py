"""Where the biases of a dense head begin."""

import keras
import numpy as np
import pytest
from small_encoders import predict, random_inputs, small_config

from keras_bert_cls.modeling.encoder import build_encoder
from keras_bert_cls.modeling.head_settings import HeadSettings
from keras_bert_cls.modeling.models import classifier_model

BIASES = (0.0, -6.5, 2.25, 1e3)


def test_logits_begin_at_the_biases(tmp_path):
    encoder = build_encoder(small_config(initializer_stddev=1e-6))
    model = classifier_model(encoder, 4, head=HeadSettings(biases=BIASES))
    model.save(tmp_path / "model.keras")
    for each in (model, keras.models.load_model(tmp_path / "model.keras")):
        logits = predict(each, random_inputs())["logits"]
        np.testing.assert_allclose(logits, [BIASES] * len(logits), atol=1e-4)


def test_there_is_a_bias_for_each_logit():
    with pytest.raises(ValueError, match="expected 3 biases, got 4"):
        classifier_model(build_encoder(small_config()), 3, head=HeadSettings(biases=BIASES))
