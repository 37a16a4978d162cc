"""Predictions out of the server's answers."""

from collections.abc import Sequence
from typing import Any

from keras_bert_cls.errors import UserError
from keras_bert_cls.predictions import Prediction


def predictions_of_outputs(
    outputs: Any, count: int, label_names: Sequence[str] | None
) -> list[Prediction]:
    """Returns the predictions in the outputs of the `serving_default` signature.

    Args:
      outputs: name -> TensorProto.
      count: texts that were sent.
      label_names: of the columns of the output `probabilities`; None leaves them out.

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
    labels = [label.decode("utf-8") for label in _column(outputs, "label", count)]
    scores = _column(outputs, "score", count)
    if label_names is None:
        return [
            Prediction(label=label, score=score)
            for label, score in zip(labels, scores, strict=True)
        ]
    rows = _rows(outputs, "probabilities", count, len(label_names))
    return [
        Prediction(label=label, score=score, probabilities=dict(zip(label_names, row, strict=True)))
        for label, score, row in zip(labels, scores, rows, strict=True)
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


def _column(outputs: Any, name: str, count: int) -> list[Any]:
    return [row[0] for row in _rows(outputs, name, count, 1)]


def _rows(outputs: Any, name: str, count: int, width: int) -> list[list[Any]]:
    """Returns the values of an output row by row.

    Raises:
      UserError: it has not `count` rows of `width` values each.
    """
    proto = outputs[name]
    values = list(proto.string_val or proto.float_val or proto.double_val)
    if len(values) != count * width:
        shape = [dimension.size for dimension in proto.tensor_shape.dim]
        raise UserError(
            f"expected the model's output {name!r} to hold {count} x {width} values in the typed "
            f"fields of its tensor, got {len(values)} (shape {shape})"
        )
    return [values[start : start + width] for start in range(0, len(values), width)]
