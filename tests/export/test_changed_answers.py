"""The check of an export finds answers that are not its model's."""

import numpy as np
import pytest

from keras_bert_cls.export.decision_check import decision_problem
from keras_bert_cls.export.masked_lm_check import masked_lm_problem
from keras_bert_cls.export.session import SavedModelSession

TEXTS = np.array([b"the film was good", b"", b"bad"], object)


@pytest.mark.parametrize("task", ["single_label", "multi_label"])
@pytest.mark.parametrize("signature", ["serving_default", "classify"])
def test_labels_must_be_those_of_the_probabilities(exported, task, signature):
    made = exported(task)
    labels = made.trained.settings.labels
    with SavedModelSession(made.folder) as session:
        answer = session.call("serving_default", {"text": TEXTS})
    if signature == "classify":
        names = np.array([label.encode() for label in labels], object)
        scores = answer["probabilities"]
        answer = {"scores": scores, "classes": np.tile(names, [len(TEXTS), 1])}
    assert decision_problem(made.trained, answer) == ""
    name = "classes" if signature == "classify" else "label"
    other = {label.encode(): labels[number - 1].encode() for number, label in enumerate(labels)}
    changed = np.vectorize(other.get, otypes=[object])(answer[name])
    assert decision_problem(made.trained, {**answer, name: changed})


def swap_best(tokens):
    tokens[..., [0, 1]] = tokens[..., [1, 0]]


def put_dots(texts):
    texts[:] = [text + b"." for text in texts]


def take_others(tokens):
    tokens[:] = tokens[:, ::-1] if (tokens[:, 0] != tokens[:, 1]).any() else b"the"


@pytest.mark.parametrize(
    ("signature", "passes", "output", "change"),
    [
        ("fill_mask", None, "tokens", swap_best),
        ("fill_mask", None, "sequence", put_dots),
        ("infill", 1, "tokens", take_others),
        ("infill", 1, "sequence", put_dots),
        ("infill", 2, "tokens", take_others),
        ("infill", 2, "sequence", put_dots),
    ],
)
def test_masks_must_be_filled_as_the_model_does(exported, signature, passes, output, change):
    made = exported("masked_lm")
    with SavedModelSession(made.folder) as session:

        def call(name, inputs):
            answer = {key: value.copy() for key, value in session.call(name, inputs).items()}
            of_these = passes is None or (inputs.get("passes", np.zeros(1)) == passes).all()
            if name == signature and of_these:
                change(answer[output])
            return answer

        assert masked_lm_problem(made.trained, session.call, 1e-5) == ""
        assert f"signature {signature}" in masked_lm_problem(made.trained, call, 1e-5)
