"""Predictions out of the server's answers."""

import itertools
from collections.abc import Sequence
from typing import Any

from keras_bert_cls.errors import UserError
from keras_bert_cls.predictions import Prediction, top_prediction


def predictions_of_outputs(
    outputs: Any, count: int, label_names: Sequence[str] | None
) -> list[Prediction]:
    """Returns the predictions in the outputs of the `serving_default` signature.

    Args:
      outputs: name -> TensorProto.
      count: texts that were sent.
      label_names: of the columns of the output `probabilities`, and after them the unknown label
        of a model that rejects; None leaves the probabilities out.

    Raises:
      UserError: the outputs are not those of a classification or regression model.
    """
    if "value" in outputs:
        return [Prediction(value=value) for value in _column(outputs, "value", count)]
    if "label" not in outputs or "score" not in outputs:
        raise UserError(
            "expected a model whose signature serving_default gives label and score, or value; "
            f"this one gives {', '.join(sorted(outputs))}"
        )
    if "labels" in outputs:
        width = outputs["labels"].tensor_shape.dim[-1].size
        tops = zip(
            _rows(outputs, "labels", count, width),
            _rows(outputs, "probabilities", count, width),
            strict=True,
        )
        return [top_prediction([name.decode("utf-8") for name in top], row) for top, row in tops]
    labels = [label.decode("utf-8") for label in _column(outputs, "label", count)]
    scores = _column(outputs, "score", count)
    if label_names is None:
        return [
            Prediction(label=label, score=score)
            for label, score in zip(labels, scores, strict=True)
        ]
    names = _column_names(outputs["probabilities"], label_names)
    rows = _rows(outputs, "probabilities", count, len(names))
    chosen = _chosen_labels(outputs, count, names)
    return [
        Prediction(label, score, dict(zip(names, row, strict=True)), labels=several)
        for label, score, row, several in zip(labels, scores, rows, chosen, strict=True)
    ]


def predictions_of_classes(response: Any) -> list[Prediction]:
    """Returns the predictions in a ClassificationResponse; the best class is the label."""
    predictions = []
    for classification in response.result.classifications:
        probabilities = {entry.label: entry.score for entry in classification.classes}
        label = max(probabilities, key=probabilities.__getitem__)
        predictions.append(
            Prediction(label=label, score=probabilities[label], probabilities=probabilities)
        )
    return predictions


def _column_names(probabilities: Any, label_names: Sequence[str]) -> Sequence[str]:
    """Leaves out the unknown label, which is a class of a model but has no probability."""
    sizes = [dimension.size for dimension in probabilities.tensor_shape.dim]
    return label_names[:-1] if sizes[1:] == [len(label_names) - 1] else label_names


def _chosen_labels(
    outputs: Any, count: int, names: Sequence[str]
) -> Sequence[tuple[str, ...] | None]:
    """Returns the labels that the output `selected` names in each row; None without that output."""
    if "selected" not in outputs:
        return [None] * count
    rows = _rows(outputs, "selected", count, len(names))
    return [tuple(itertools.compress(names, row)) for row in rows]


def _column(outputs: Any, name: str, count: int) -> list[Any]:
    return [row[0] for row in _rows(outputs, name, count, 1)]


def _rows(outputs: Any, name: str, count: int, width: int) -> list[list[Any]]:
    """Returns the values of an output row by row.

    Raises:
      UserError: it has not `count` rows of `width` values each.
    """
    proto = outputs[name]
    values = list(proto.string_val or proto.float_val or proto.double_val or proto.bool_val)
    if len(values) != count * width:
        shape = [dimension.size for dimension in proto.tensor_shape.dim]
        raise UserError(
            f"expected the model's output {name!r} to hold {count} x {width} values in the typed "
            f"fields of its tensor, got {len(values)} (shape {shape})"
        )
    return [values[start : start + width] for start in range(0, len(values), width)]
