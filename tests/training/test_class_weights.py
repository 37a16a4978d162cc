"""Class weights against scikit-learn's."""

import numpy as np
import pytest
import sklearn.utils.class_weight

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.class_weights import class_weights
from keras_bert_cls.training.config import HeadConfig

LABELS = ("no", "so", "yes")
TARGETS = np.array([0, 0, 0, 0, 0, 1, 1, 2])


def test_balanced():
    found = class_weights(HeadConfig(class_weight="balanced"), LABELS, TARGETS, len(TARGETS))
    expected = sklearn.utils.class_weight.compute_class_weight(
        "balanced", classes=np.arange(3), y=TARGETS
    )
    np.testing.assert_allclose(found, expected)
    # The labels then weigh equally together.
    np.testing.assert_allclose(np.bincount(TARGETS) * found, len(TARGETS) / 3)


def test_a_label_without_rows_has_a_finite_weight():
    found = class_weights(HeadConfig(class_weight="balanced"), LABELS, TARGETS[:7], 7)
    assert found is not None
    assert np.isfinite(found).all()


def test_given_weights_replace_others():
    head = HeadConfig(class_weights=(("yes", 4.0),))
    assert class_weights(head, LABELS, TARGETS, 8) == [1.0, 1.0, 4.0]
    head = HeadConfig(class_weight="balanced", class_weights=(("so", 0.25),))
    assert class_weights(head, LABELS, TARGETS, 8) == pytest.approx([8 / 15, 0.25, 8 / 3])


def test_without_weights_there_is_nothing_to_multiply():
    assert class_weights(HeadConfig(), LABELS, TARGETS, 8) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((("yess", 1.0),), "'yess' is no label. Did you mean 'yes'"),
        ((("yes", 0.0),), "'yes' must be over 0 and finite, got 0.0"),
        ((("yes", float("inf")),), "'yes' must be over 0 and finite, got inf"),
        ((("yes", float("nan")),), "'yes' must be over 0 and finite, got nan"),
    ],
)
def test_wrong_weights(given, message):
    with pytest.raises(UserError, match=message):
        class_weights(HeadConfig(class_weights=given), LABELS, TARGETS, 8)
