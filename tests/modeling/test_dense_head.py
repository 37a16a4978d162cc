"""Where the biases of a multi-label head begin."""

import keras
import numpy as np
import pytest
from small_encoders import predict, random_inputs, small_config

from keras_bert_cls.modeling.encoder import build_encoder
from keras_bert_cls.modeling.head_settings import HeadSettings
from keras_bert_cls.modeling.models import classifier_model

SHARES = (0.5, 0.001, 0.25, 0.9)


def test_biases_begin_at_the_shares_of_labels(tmp_path):
    encoder = build_encoder(small_config(initializer_stddev=1e-6))
    model = classifier_model(encoder, 4, head=HeadSettings(label_shares=SHARES))
    model.save(tmp_path / "model.keras")
    for each in (model, keras.models.load_model(tmp_path / "model.keras")):
        logits = predict(each, random_inputs())["logits"]
        np.testing.assert_allclose(1 / (1 + np.exp(-logits)), [SHARES] * len(logits), rtol=1e-4)


def test_there_is_a_share_for_each_label():
    with pytest.raises(ValueError, match="expected 3 label_shares, got 4"):
        classifier_model(build_encoder(small_config()), 3, head=HeadSettings(label_shares=SHARES))
