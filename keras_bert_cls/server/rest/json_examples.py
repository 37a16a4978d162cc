"""Classify and Regress over REST: tf.Examples from JSON."""

from typing import Any

import numpy as np
from tensorflow.core.example import example_pb2, feature_pb2
from tensorflow_serving.apis import input_pb2

from keras_bert_cls.server.rest.json_tensors import decode_base64, is_base64
from keras_bert_cls.server.rest.json_text import bytes_of, number_of, show, type_name
from keras_bert_cls.server.status_errors import ServingError, invalid_argument

_FLOAT32_MAX = float(np.finfo(np.float32).max)
# The field of a feature -> its name in messages.
_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


def read_examples(document: dict[str, Any], examples: input_pb2.Input) -> None:
    """Fills an empty Input from a request's document.

    Args:
      document: with "examples", a list of objects feature -> value or list of values, and perhaps
        "context", an object of features that all examples have.
      examples: is filled.

    Raises:
      ServingError: something is missing or of the wrong type.
    """
    target: Any = examples.example_list
    if "context" in document:
        target = examples.example_list_with_context
        _read_example(document["context"], target.context)
    if "examples" not in document:
        raise invalid_argument(
            f"JSON Value: {show(document)} When method is classify, key 'examples' is expected "
            "and was not found"
        )
    rows = document["examples"]
    if not isinstance(rows, list):
        raise invalid_argument(
            f"JSON Value: {show(document)} Expecting 'examples' value to be an list/array"
        )
    if not rows:
        raise invalid_argument(f"JSON Value: {show(document)} 'examples' value is an empty array")
    for row in rows:
        _read_example(row, target.examples.add())


def _read_example(row: Any, example: example_pb2.Example) -> None:
    if not isinstance(row, dict):
        raise invalid_argument(f"Example must be JSON object but got JSON {type_name(row)}")
    for name, content in row.items():
        feature = example.features.feature[bytes_of(name).decode("utf-8", "replace")]
        for value in content if isinstance(content, list) else [content]:
            _add_value(name, value, feature)


def _add_value(name: str, value: Any, feature: feature_pb2.Feature) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = number_of(value)
    match value:
        case bool():
            _values(name, feature, "int64_list").append(int(value))
        case str():
            _values(name, feature, "bytes_list").append(bytes_of(value))
        case int():
            if value >= 2**63:
                raise invalid_argument(
                    f"Feature: {name} has uint64 element. Only int64 is supported."
                )
            _values(name, feature, "int64_list").append(value)
        case float():
            values = _values(name, feature, "float_list")
            if np.isfinite(value) and abs(value) > _FLOAT32_MAX:
                raise invalid_argument(
                    f"Cannot convert JSON value: {show(value)} to float without loss of precision."
                )
            values.append(value)
        case dict() if is_base64(value):
            _values(name, feature, "bytes_list").append(decode_base64(value))
        case _:
            raise invalid_argument(
                f"Feature: {name} has element with unexpected JSON type: {type_name(value)}"
            )


def _values(name: str, feature: feature_pb2.Feature, kind: str) -> Any:
    """Returns the list of values of a kind; a feature has values of one kind only."""
    present = feature.WhichOneof("kind")
    if present not in (None, kind):
        raise _mixed(name, present)
    return getattr(feature, kind).value


def _mixed(name: str, present: str) -> ServingError:
    return invalid_argument(
        f"Unexpected element type in feature: {name} expecting type: {_KINDS[present]}"
    )
