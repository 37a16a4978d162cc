"""Doubtful labels."""

import numpy as np

from keras_bert_cls.evaluation.label_noise import FOLDS, confident_labels, label_suspects


def clusters(rows: int, labels: int, seed: int = 0):
    random = np.random.default_rng(seed)
    targets = random.integers(labels, size=rows)
    centres = 4 * random.normal(size=(labels, 12))
    return (centres[targets] + random.normal(size=(rows, 12))).astype(np.float32), targets


def test_planted_errors_are_the_suspects():
    embeddings, truth = clusters(300, 3)
    wrong = np.array([5, 40, 77, 130, 222])
    targets = truth.copy()
    targets[wrong] = (truth[wrong] + 1) % 3
    found = label_suspects(embeddings, targets, seed=0)
    assert found == label_suspects(embeddings, targets, seed=0)
    assert found["judged"] == 300
    assert found["reason"] is None
    suspects = found["suspects"]
    assert {suspect["row"] for suspect in suspects[:5]} == set(wrong.tolist())
    for suspect in suspects[:5]:
        assert suspect["label"] == targets[suspect["row"]]
        assert suspect["suggested"] == truth[suspect["row"]]
        assert suspect["suggested_probability"] > suspect["probability"]


def test_labels_of_few_rows_are_not_judged():
    embeddings, targets = clusters(100, 2)
    targets[: FOLDS - 1] = 7
    found = label_suspects(embeddings, targets, seed=0)
    assert found["judged"] == 100 - (FOLDS - 1)
    assert all(suspect["row"] >= FOLDS - 1 for suspect in found["suspects"])


def test_one_label_alone_cannot_be_judged():
    embeddings, _ = clusters(20, 2)
    found = label_suspects(embeddings, np.zeros(20, int), seed=0)
    assert (found["judged"], found["suspects"]) == (0, [])
    assert "two labels" in found["reason"]


def test_embeddings_that_say_nothing():
    targets = np.arange(30) % 3
    found = label_suspects(np.ones((30, 4), np.float32), targets, seed=0)
    assert (found["judged"], found["suspects"]) == (0, [])
    assert "the same embedding" in found["reason"]


def test_the_confident_joint_by_hand():
    # Thresholds: class 0 (0.9 + 0.6 + 0.3) / 3 = 0.6, class 1 (0.8 + 0.6) / 2 = 0.7.
    first = np.array([0.9, 0.6, 0.3, 0.2, 0.4])
    probabilities = np.stack([first, 1 - first], axis=1)
    classes = np.array([0, 0, 0, 1, 1])
    assert confident_labels(probabilities, classes).tolist() == [0, 0, 1, 1, -1]
