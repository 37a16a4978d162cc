"""Objectives around another one hand on what they do not change."""

import keras
import pytest

from keras_bert_cls.training.distillation_objective import DistillationObjective
from keras_bert_cls.training.focal_objective import FocalObjective
from keras_bert_cls.training.objectives import Objective, SingleLabelObjective
from keras_bert_cls.training.r_drop import RDropObjective


class ForModel(SingleLabelObjective):
    """Keeps the model that it is for."""

    model: keras.Model | None = None

    def for_model(self, model):
        found = ForModel()
        found.model = model
        return found


@pytest.mark.parametrize(
    "wrap",
    [
        lambda inner: FocalObjective(inner, "single_label", 2.0),
        lambda inner: RDropObjective(inner, "single_label", 1.0),
        lambda inner: DistillationObjective(inner, "single_label", 0.5, 2.0),
        lambda inner: RDropObjective(
            FocalObjective(inner, "single_label", 2.0), "single_label", 1.0
        ),
    ],
    ids=["focal", "r_drop", "distillation", "both"],
)
def test_the_inner_objective_is_made_for_the_model(wrap):
    wrapped, model = wrap(ForModel()), keras.Sequential()

    made = wrapped.for_model(model)

    assert type(made) is type(wrapped) and _innermost(made).model is model
    assert _innermost(wrapped).model is None


def _innermost(objective: Objective) -> ForModel:
    while not isinstance(objective, ForModel):
        objective = objective.inner
    return objective
