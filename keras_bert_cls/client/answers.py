"""Predictions out of the server's answers."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

from keras_bert_cls.errors import UserError
from keras_bert_cls.predictions import Prediction, path_of, top_prediction


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
    paths = _paths(outputs, count)
    if label_names is None:
        return [
            Prediction(label=label, score=score, path=path)
            for label, score, path in zip(labels, scores, paths, strict=True)
        ]
    names = _column_names(outputs["probabilities"], label_names)
    rows = _rows(outputs, "probabilities", count, len(names))
    chosen = _chosen_labels(outputs, count, names)
    return [
        Prediction(label, score, dict(zip(names, row, strict=True)), labels=several, path=path)
        for label, score, row, several, path in zip(
            labels, scores, rows, chosen, paths, strict=True
        )
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


def rows_of_output(outputs: Any, name: str, count: int) -> list[Any]:
    """Returns an output row by row: values, or nested lists of them.

    Args:
      outputs: name -> TensorProto.
      name: of the output.
      count: texts that were sent.

    Raises:
      UserError: there is no such output, or it has another number of rows.
    """
    if name not in outputs:
        raise UserError(
            f"expected a model with the output {name}, got {', '.join(sorted(outputs))}"
        )
    proto = outputs[name]
    sizes = [dimension.size for dimension in proto.tensor_shape.dim]
    if not sizes or sizes[0] != count:
        raise UserError(f"expected {count} rows in the model's output {name!r}, got shape {sizes}")
    if 0 in sizes:
        return [[] for _ in range(count)]
    rows: list[Any] = [
        value for row in _rows(outputs, name, count, math.prod(sizes[1:])) for value in row
    ]
    for size in reversed(sizes[1:]):
        rows = [rows[start : start + size] for start in range(0, len(rows), size)]
    return rows


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


def _paths(outputs: Any, count: int) -> Sequence[dict[str, float] | None]:
    """Returns the path of each row; None without the outputs path_labels and path_scores."""
    if "path_labels" not in outputs or "path_scores" not in outputs:
        return [None] * count
    levels = [dimension.size for dimension in outputs["path_labels"].tensor_shape.dim][-1]
    columns = (_rows(outputs, name, count, levels) for name in ("path_labels", "path_scores"))
    return [path_of(names, scores) for names, scores in zip(*columns, strict=True)]


def _column(outputs: Any, name: str, count: int) -> list[Any]:
    return [row[0] for row in _rows(outputs, name, count, 1)]


def _rows(outputs: Any, name: str, count: int, width: int) -> list[list[Any]]:
    """Returns the values of an output row by row.

    Raises:
      UserError: it has not `count` rows of `width` values each.
    """
    proto = outputs[name]
    fields = ("string_val", "float_val", "double_val", "bool_val", "int_val", "int64_val")
    values = list(next((found for field in fields if (found := getattr(proto, field))), ()))
    if len(values) != count * width:
        shape = [dimension.size for dimension in proto.tensor_shape.dim]
        raise UserError(
            f"expected the model's output {name!r} to hold {count} x {width} values in the typed "
            f"fields of its tensor, got {len(values)} (shape {shape})"
        )
    return [values[start : start + width] for start in range(0, len(values), width)]
