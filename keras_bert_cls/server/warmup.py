"""Replays the requests that an export brings along, so that no user's request is the first one.

The file is TensorFlow Serving's: assets.extra/tf_serving_warmup_requests, a TFRecord file of
PredictionLog with at most 1000 records.
"""

import pathlib
from typing import Any

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import inference_pb2, prediction_log_pb2

from keras_bert_cls.server import classify, multi_inference, predict, regress
from keras_bert_cls.server.servable import Servable
from keras_bert_cls.server.status_errors import ServingError, invalid_argument

WARMUP_FILE = pathlib.PurePath("assets.extra", "tf_serving_warmup_requests")
_MAX_RECORDS = 1000
_APIS = {"predict_log": predict, "classify_log": classify, "regress_log": regress}
_MULTI_INFERENCE = "multi_inference_log"


def replay(servable: Servable, path: pathlib.Path, iterations: int = 1) -> int:
    """Runs the recorded requests, if the version at `path` has any.

    Args:
      servable: the version.
      path: its folder.
      iterations: how often each request is run.

    Returns:
      The number of records.

    Raises:
      ServingError: a record is broken or its request fails, so the version must not serve.
    """
    file = path / WARMUP_FILE
    if not file.is_file():
        return 0
    count = 0
    try:
        for record in tf.compat.v1.io.tf_record_iterator(str(file)):
            count += 1
            _replay_record(servable, count, record, iterations)
    except tf.errors.DataLossError as error:
        raise ServingError(
            grpc.StatusCode.DATA_LOSS,
            f"Warm-up record {count + 1} is damaged. "
            "Please verify your warmup data is in TFRecord format.",
        ) from error
    return count


def _replay_record(servable: Servable, number: int, record: bytes, iterations: int) -> None:
    if number > _MAX_RECORDS:
        raise invalid_argument(f"Number of warmup records exceeds the maximum ({_MAX_RECORDS})")
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid_argument(f"Failed to parse warmup record {number}") from error
    kind = log.WhichOneof("log_type")
    if kind not in (*_APIS, _MULTI_INFERENCE):
        raise ServingError(
            grpc.StatusCode.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}"
        )
    request = getattr(log, kind).request
    try:
        for _ in range(iterations):
            _run(servable, kind, request)
    except ServingError as error:
        raise ServingError(error.code, f"Warm-up record {number}: {error.message}") from error


def _run(servable: Servable, kind: str, request: Any) -> None:
    if kind == _MULTI_INFERENCE:
        for task in multi_inference.prepare(servable, request):
            task.write_result(task.computation.run(), inference_pb2.InferenceResult())
        return
    computation = _APIS[kind].prepare(servable, request)
    _APIS[kind].response(request, computation, computation.run())
