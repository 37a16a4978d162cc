"""Whether an export names the labels that its own probabilities and a Decision ask for."""

from collections.abc import Mapping, Sequence

import numpy as np

from keras_bert_cls.modeling.decision import Decision
from keras_bert_cls.modeling.trained_model import TrainedModel


def decision_problem(trained: TrainedModel, answer: Mapping[str, np.ndarray]) -> str:
    """Compares labels, selections and the class of the unknown label with the decision.

    Args:
      trained: the model.
      answer: the outputs of one signature.

    Returns:
      What is wrong; "" for right answers, for models without labels, and for adaptive heads, which
      `top_labels_problem` looks at.
    """
    decision, labels = trained.decision or Decision(), trained.settings.labels
    if not labels or trained.settings.head == "adaptive":
        return ""
    if "classes" in answer:
        return _class_problem(decision, labels, answer)
    if "label" not in answer:
        return ""
    probabilities = answer["probabilities"]
    expected = decision.answers(probabilities, labels)
    found = [label.decode() for label in answer["label"]]
    if found != expected:
        return f"the labels are {found}, expected {expected} for its probabilities."
    if trained.decision is not None and trained.settings.task == "multi_label":
        selected = decision.reached(probabilities, labels)
        if not np.array_equal(answer["selected"], selected):
            return "selected does not name the labels that reach their thresholds."
    return ""


def _class_problem(
    decision: Decision, labels: Sequence[str], answer: Mapping[str, np.ndarray]
) -> str:
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
