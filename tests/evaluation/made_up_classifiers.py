"""Classifiers that answer what the text says, without a model behind them."""

import numpy as np

from keras_bert_cls.inference import Classifier


def softmax_row(text: str, labels: tuple[str, ...], seed: str = "") -> np.ndarray:
    """Probabilities that depend on the text alone, mostly of the label that it names."""
    random = np.random.default_rng(list(f"{text}{seed}".encode()))
    logits = random.normal(size=len(labels))
    for number, label in enumerate(labels):
        logits[number] += 2 * (label in text)
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum()


def made_up_classifier(
    labels: tuple[str, ...],
    task: str = "single_label",
    seed: str = "",
    reject_below: float = 0.0,
    thresholds: float | None = None,
) -> Classifier:
    """Returns a classifier whose signatures are Python functions."""

    def call(signature, inputs):
        texts = [text.decode() for text in inputs["text"]]
        rows = [softmax_row(text, labels or ("",), seed) for text in texts]
        if signature == "embed":
            return {"embedding": np.array([np.resize(row, 8) for row in rows], np.float32)}
        if signature == "tokenize":
            tokens = [["[CLS]", *text.split(), "[SEP]"] for text in texts]
            width = max(map(len, tokens)) + 1
            padded = [row + [""] * (width - len(row)) for row in tokens]
            return {"tokens": np.array([[t.encode() for t in row] for row in padded], object)}
        assert signature == "serving_default"
        if task == "regression":
            numbers = [float(text.split()[0]) + len(text) % 3 - 1 for text in texts]
            return {"value": np.array(numbers, np.float32)}
        probabilities = np.array(rows, np.float32)
        best = probabilities.argmax(axis=1)
        score = probabilities.max(axis=1)
        names = [labels[k].encode() for k in best]
        answers = [
            n if s >= reject_below else b"unknown" for n, s in zip(names, score, strict=True)
        ]
        outputs = {
            "label": np.array(answers, object),
            "score": score,
            "probabilities": probabilities,
        }
        if thresholds is not None:
            outputs["selected"] = probabilities >= thresholds
        return outputs

    return Classifier(call, task, labels, False)
