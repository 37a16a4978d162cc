"""fit_temperature against a direct minimisation by scipy."""

import numpy as np
import pytest
import scipy.optimize
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.calibration.calibration_error import expected_calibration_error
from keras_bert_cls.calibration.temperature import fit_temperature, negative_log_likelihood
from keras_bert_cls.modeling.decision import Decision


def single_label_loss(logits, targets, temperature):
    return -scipy.special.log_softmax(logits / temperature, axis=1)[
        np.arange(len(targets)), targets
    ].mean()


def multi_label_loss(logits, targets, temperature):
    signed = np.where(targets, logits, -logits) / temperature
    return -scipy.special.log_expit(signed).mean()


LOSSES = {"single_label": single_label_loss, "multi_label": multi_label_loss}


def made_up(task, seed, sharpness, labels=4, rows=200):
    """Returns logits and targets drawn from their probabilities at temperature `sharpness`."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (rows, labels))
    if task == "multi_label":
        return sharpness * logits, random.random(logits.shape) < scipy.special.expit(logits)
    return sharpness * logits, (logits + random.gumbel(size=logits.shape)).argmax(1)


@pytest.mark.parametrize("task", LOSSES)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), sharpness=st.floats(0.2, 6))
def test_the_temperature_has_the_least_loss(task, seed, sharpness):
    logits, targets = made_up(task, seed, sharpness)
    found = fit_temperature(task, logits, targets)
    direct = scipy.optimize.minimize_scalar(
        lambda log: LOSSES[task](logits, targets, np.exp(log)),
        bounds=np.log([0.05, 20]),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert found == pytest.approx(np.exp(direct.x), rel=1e-5)
    assert negative_log_likelihood(task, logits, targets, found) <= direct.fun + 1e-12
    assert found == pytest.approx(sharpness, rel=0.5)


@pytest.mark.parametrize("task", LOSSES)
@pytest.mark.parametrize("size", [1.0, 1e4])
def test_the_loss(task, size):
    logits, targets = made_up(task, 3, size)
    for temperature in (0.3, 1.0, 7.0):
        found = negative_log_likelihood(task, logits, targets, temperature)
        assert found == pytest.approx(LOSSES[task](logits, targets, temperature), rel=1e-12)


def test_rows_that_determine_no_temperature():
    logits = np.array([[3.0, 1.0], [0.0, 2.0]])
    assert fit_temperature("single_label", logits, np.array([0, 1])) is None  # sharper is better
    assert fit_temperature("single_label", logits, np.array([1, 0])) is None  # flatter is better
    assert fit_temperature("multi_label", logits - 0.5, logits > 0.5) is None
    assert fit_temperature("single_label", np.zeros((3, 2)), np.array([0, 1, 1])) is None


@pytest.mark.parametrize("task", LOSSES)
def test_probabilities(task):
    logits = made_up(task, 5, 100.0)[0]
    found = Decision(temperature=2.5).probabilities(task, logits)
    direct = scipy.special.expit if task == "multi_label" else scipy.special.softmax
    keywords = {} if task == "multi_label" else {"axis": 1}
    np.testing.assert_allclose(found, direct(logits / 2.5, **keywords), rtol=1e-12, atol=1e-300)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_the_calibration_error_is_that_of_its_definition(rows):
    probabilities, hits = (np.array(column) for column in zip(*rows, strict=True))
    expected = 0.0
    for number in range(15):
        last = number == 14
        inside = [(p, hit) for p, hit in rows if number <= p * 15 and (p * 15 < number + 1 or last)]
        if inside:
            confidence = sum(p for p, _ in inside) / len(inside)
            share = sum(hit for _, hit in inside) / len(inside)
            expected += len(inside) / len(rows) * abs(share - confidence)
    assert expected_calibration_error(probabilities, hits) == pytest.approx(expected, abs=1e-12)


def test_a_fitted_temperature_lowers_the_calibration_error():
    logits, targets = made_up("single_label", 1, 4.0, rows=4000)
    errors = []
    for temperature in (1.0, fit_temperature("single_label", logits, targets)):
        probabilities = Decision(temperature).probabilities("single_label", logits)
        hits = probabilities.argmax(1) == targets
        errors.append(expected_calibration_error(probabilities.max(1), hits))
    assert errors[1] < 0.03 < errors[0]
