"""Whether a server can replay a version's warm-up requests; else it does not load the version."""

import pathlib
from collections.abc import Mapping

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import input_pb2, predict_pb2

from keras_bert_cls.export.finding import Finding, Findings
from keras_bert_cls.export.requests import PredictionLog
from keras_bert_cls.export.signature_check import DEFAULT_SIGNATURE
from keras_bert_cls.export.warmup import MOST_REQUESTS, WARMUP_FILE, read_records

_FRAME = 16  # Bytes that TFRecord puts around a record: its length and two checksums.
_CHANGE = "Export the model again, or leave the file out."
_Signatures = Mapping[str, meta_graph_pb2.SignatureDef]


class _WrongRecordError(ValueError):
    """A record that the server refuses."""


def check_warmup(folder: pathlib.Path, signatures: _Signatures) -> list[Finding]:
    """Checks the records of the SavedModel `folder` against its signatures."""
    found = Findings("warm-up")
    where = str(WARMUP_FILE)
    if not (folder / WARMUP_FILE).exists():
        found.warning(
            "there are no requests; a version's first callers wait",
            where,
            "Export the model with bertcls-export.",
        )
        return found.close("")
    count = 0
    size = 0
    try:
        for record in read_records(folder):
            count += 1
            size += len(record) + _FRAME
            try:
                _check_record(PredictionLog.FromString(record), signatures)
            except DecodeError:
                found.error("is no PredictionLog", f"record {count} of {where}", _CHANGE)
            except _WrongRecordError as error:
                found.error(str(error), f"record {count} of {where}", _CHANGE)
    except tf.errors.DataLossError:
        found.error("is cut off or damaged", f"record {count + 1} of {where}", _CHANGE)
    else:
        rest = (folder / WARMUP_FILE).stat().st_size - size
        if rest:
            found.warning(f"{rest} bytes follow the last record: it was cut off", where, _CHANGE)
    if count > MOST_REQUESTS:
        found.error(f"{count:,} records; a server takes {MOST_REQUESTS:,}", where, _CHANGE)
    return found.close(f"{count} requests")


def _check_record(log: PredictionLog, signatures: _Signatures) -> None:
    match log.WhichOneof("log_type"):
        case "predict_log":
            _check_predict(log.predict_log.request, signatures)
        case "classify_log":
            request = log.classify_log.request
            _check_examples(request.input, _signature(request.model_spec, signatures))
        case "regress_log":
            request = log.regress_log.request
            _check_examples(request.input, _signature(request.model_spec, signatures))
        case "multi_inference_log":
            request = log.multi_inference_log.request
            for task in request.tasks:
                _check_examples(request.input, _signature(task.model_spec, signatures))
        case other:
            raise _WrongRecordError(f"is a {other}, which a server does not replay")


def _check_predict(request: predict_pb2.PredictRequest, signatures: _Signatures) -> None:
    signature = _signature(request.model_spec, signatures)
    if request.inputs.keys() != signature.inputs.keys():
        raise _WrongRecordError(
            f"sends {sorted(request.inputs)}, the signature takes {sorted(signature.inputs)}"
        )
    for name, expected in signature.inputs.items():
        try:
            values = tf.make_ndarray(request.inputs[name])
        except (TypeError, ValueError) as error:
            raise _WrongRecordError(f"input {name} is no tensor: {error}") from error
        sent = tf.as_dtype(request.inputs[name].dtype)
        if sent != tf.as_dtype(expected.dtype):
            raise _WrongRecordError(
                f"input {name} is {sent.name}, the signature takes "
                f"{tf.as_dtype(expected.dtype).name}"
            )
        if not tf.TensorShape(expected.tensor_shape).is_compatible_with(values.shape):
            raise _WrongRecordError(
                f"input {name} has shape {list(values.shape)}, the signature takes "
                f"{tf.TensorShape(expected.tensor_shape)}"
            )
    unknown = set(request.output_filter) - signature.outputs.keys()
    if unknown:
        raise _WrongRecordError(f"asks for outputs that are not there: {sorted(unknown)}")


def _check_examples(examples: input_pb2.Input, signature: meta_graph_pb2.SignatureDef) -> None:
    if not examples.example_list.examples and not examples.example_list_with_context.examples:
        raise _WrongRecordError("has no examples")
    if len(signature.inputs) != 1:
        raise _WrongRecordError(
            f"sends tf.Examples, the signature takes {sorted(signature.inputs)}"
        )


def _signature(model_spec, signatures: _Signatures) -> meta_graph_pb2.SignatureDef:
    name = model_spec.signature_name or DEFAULT_SIGNATURE
    if name not in signatures:
        raise _WrongRecordError(
            f"asks for signature {name}; there are {', '.join(sorted(signatures))}"
        )
    return signatures[name]
