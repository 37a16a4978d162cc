"""Answers as JSON: predictions, classifications, regressions, states and signatures."""

import base64
import json
from collections.abc import Iterator, Mapping

import numpy as np
from google.protobuf import json_format
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    regression_pb2,
)

from keras_bert_cls.server.rest.json_text import write_decimal, write_string
from keras_bert_cls.server.status_errors import invalid_argument
from keras_bert_cls.server.tensors import array_of

_BYTES_SUFFIX = "_bytes"  # Outputs whose names end so are written in base64.
_UNWRITABLE = (types_pb2.DT_HALF, types_pb2.DT_BFLOAT16, types_pb2.DT_UINT16)

Outputs = Mapping[str, tensor_pb2.TensorProto]


def write_rows(outputs: Outputs) -> str:
    """Returns {"predictions": [...]}: a value for each row, or an object if there are more outputs.

    Raises:
      ServingError: the outputs have no rows, or not equally many.
    """
    arrays = {name: _values(name, tensor) for name, tensor in sorted(outputs.items())}
    rows = None
    for name, (array, _) in arrays.items():
        if not array.ndim:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if not len(array):
            raise invalid_argument(f"Tensor name: {name} has invalid batch size: 0")
        if rows not in (None, len(array)):
            raise invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {rows}"
            )
        rows = len(array)
    columns = {
        name: [_write(row, write) for row in array] for name, (array, write) in arrays.items()
    }
    return f'{{"predictions": [{", ".join(_objects(columns))}]}}'


def write_columns(outputs: Outputs) -> str:
    """Returns {"outputs": ...}: a nested list, or an object of them if there are more outputs."""
    written = {name: [_write(*_values(name, tensor))] for name, tensor in sorted(outputs.items())}
    return f'{{"outputs": {next(_objects(written))}}}'


def write_classifications(result: classification_pb2.ClassificationResult) -> str:
    """Returns {"results": [[[label, score], ...], ...]}."""
    rows = []
    for row in result.classifications:
        pairs = (
            f"[{json.dumps(entry.label, ensure_ascii=False)}, "
            f"{write_decimal(np.float32(entry.score))}]"
            for entry in row.classes
        )
        rows.append(f"[{', '.join(pairs)}]")
    return f'{{"results": [{", ".join(rows)}]}}'


def write_regressions(result: regression_pb2.RegressionResult) -> str:
    """Returns {"results": [value, ...]}."""
    values = (write_decimal(np.float32(entry.value)) for entry in result.regressions)
    return f'{{"results": [{", ".join(values)}]}}'


def write_status(status: get_model_status_pb2.GetModelStatusResponse) -> str:
    """Returns the states of versions, with the names of the messages' fields."""
    return json.dumps(_fields(status), indent=1)


def write_metadata(metadata: get_model_metadata_pb2.GetModelMetadataResponse) -> str:
    """Returns the signatures of a version."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    metadata.metadata["signature_def"].Unpack(signatures)
    document = {
        "model_spec": _fields(metadata.model_spec),
        "metadata": {"signature_def": _fields(signatures)},
    }
    return json.dumps(document, indent=1)


def _fields(message) -> dict:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _objects(columns: Mapping[str, list[str]]) -> Iterator[str]:
    """Yields for each row its only value, or an object of its values."""
    names = list(columns)
    for values in zip(*columns.values(), strict=True):
        if len(names) == 1:
            yield values[0]
        else:
            pairs = (f"{json.dumps(n)}: {v}" for n, v in zip(names, values, strict=True))
            yield f"{{{', '.join(pairs)}}}"


def _values(name: str, tensor: tensor_pb2.TensorProto):
    """Returns the tensor's array and the function that writes one of its values."""
    if tensor.dtype in _UNWRITABLE:
        type_name = types_pb2.DataType.Name(tensor.dtype).removeprefix("DT_").lower()
        raise invalid_argument(f"Failed to write JSON value for tensor type: {type_name}")
    array = array_of(tensor)
    if array.dtype == object:
        return array, _write_base64 if name.endswith(_BYTES_SUFFIX) else write_string
    if np.issubdtype(array.dtype, np.floating):
        return array, write_decimal
    return array, _write_plain


def _write(value, write) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        return f"[{', '.join(_write(element, write) for element in value)}]"
    return write(value[()] if isinstance(value, np.ndarray) else value)


def _write_base64(value: bytes) -> str:
    return f'{{"b64": "{base64.b64encode(value).decode()}"}}'


def _write_plain(value) -> str:
    return json.dumps(value.item())
