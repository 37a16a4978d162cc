"""Whether an export decides on its own probabilities as its model's Decision says."""

from collections.abc import Mapping

import numpy as np

from keras_bert_cls.modeling.trained_model import TrainedModel


def decision_problem(trained: TrainedModel, answer: Mapping[str, np.ndarray]) -> str:
    """Compares labels, selections and the class of the unknown label with the decision.

    Args:
      trained: the model.
      answer: the outputs of one signature.

    Returns:
      What is wrong; "" for right answers, and for models without a decision.
    """
    decision, labels = trained.decision, trained.settings.labels
    if decision is None:
        return ""
    if "classes" in answer:
        return _class_problem(trained, answer)
    if "label" not in answer:
        return ""
    probabilities = answer["probabilities"]
    expected = decision.answers(probabilities, labels)
    found = [label.decode() for label in answer["label"]]
    if found != expected:
        return f"the labels are {found}, expected {expected} for its probabilities."
    if trained.settings.task == "multi_label":
        selected = decision.reached(probabilities, labels)
        if not np.array_equal(answer["selected"], selected):
            return "selected does not name the labels that reach their thresholds."
    return ""


def _class_problem(trained: TrainedModel, answer: Mapping[str, np.ndarray]) -> str:
    decision, labels = trained.decision, trained.settings.labels
    assert decision is not None
    classes = [*labels] if decision.unknown_label is None else [*labels, decision.unknown_label]
    if any([name.decode() for name in row] != classes for row in answer["classes"]):
        return f"the classes are not {classes} for every row."
    if answer["scores"].shape != answer["classes"].shape:
        return f"scores have shape {answer['scores'].shape}, classes {answer['classes'].shape}."
    best = [classes[index] for index in answer["scores"].argmax(-1)]
    expected = decision.answers(answer["scores"][:, : len(labels)], labels)
    if best != expected:
        return f"the best classes are {best}, expected {expected} for its scores."
    return ""
