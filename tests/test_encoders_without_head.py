"""An encoder without a head, as some checkpoints hold, answers nothing; all say so alike."""

import dataclasses

import keras
import pytest
from tiny_trained_models import make_trained_model

from keras_bert_cls.errors import UserError
from keras_bert_cls.export.saved_model import export_saved_model
from keras_bert_cls.inference import Classifier
from keras_bert_cls.modeling.encoder import build_encoder, encoder_config
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.training.evaluate_run import ScoredFiles, evaluate_run


@pytest.fixture
def encoder(tmp_path) -> TrainedModel:
    classifier = make_trained_model("single_label")
    settings = dataclasses.replace(classifier.settings, task="encoder", labels=())
    model = build_encoder(encoder_config(classifier.model))
    assert isinstance(model, keras.Model)
    trained = TrainedModel(model, classifier.tokenizer, settings)
    trained.save(tmp_path / "encoder")
    return trained


def test_it_must_be_fine_tuned_first(encoder, tmp_path):
    for use in (
        lambda: export_saved_model(encoder, tmp_path / "export"),
        lambda: Classifier.load(tmp_path / "encoder"),
        lambda: evaluate_run(tmp_path / "encoder", ScoredFiles((str(tmp_path / "a.tsv"),))),
    ):
        with pytest.raises(UserError, match="an encoder without a head: fine-tune it first"):
            use()
    assert not (tmp_path / "export").exists()
