"""The calls of the REST API: from a path and a body to JSON, whatever HTTP library carries them."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
    regression_pb2,
)

from keras_bert_cls.server.api import Api
from keras_bert_cls.server.model_spec import signature_name
from keras_bert_cls.server.rest import json_answers
from keras_bert_cls.server.rest.json_examples import read_examples
from keras_bert_cls.server.rest.json_tensors import tensors_of_columns, tensors_of_rows
from keras_bert_cls.server.rest.json_text import bytes_of, parse_object, show
from keras_bert_cls.server.rest.paths import RestCall
from keras_bert_cls.server.status_errors import invalid_argument

_Result = TypeVar("_Result")
_LARGE_BYTES = 1 << 16  # of what is read or written aside: the event loop must go on


class RestCalls:
    """Answers REST calls with the help of an Api.

    Every method returns JSON, and raises ServingError for what it cannot answer.
    """

    def __init__(self, api: Api):
        self._api = api

    async def answer(self, call: RestCall, body: bytes, deadline: float) -> str:
        """Answers a call.

        Args:
          call: what its path asks for.
          body: of the request.
          deadline: the time of `time.monotonic` after which no work is begun.
        """
        match call.action:
            case "predict":
                prediction = predict_pb2.PredictRequest(model_spec=call.spec)
                write = await _aside(self._read_prediction, body, prediction)
                predicted = await self._api.predict(prediction, deadline)
                if predicted.ByteSize() > _LARGE_BYTES:
                    return await asyncio.to_thread(write, predicted.outputs)
                return write(predicted.outputs)
            case "classify":
                classification = classification_pb2.ClassificationRequest(model_spec=call.spec)
                await _aside(_read_examples, body, classification)
                classified = await self._api.classify(classification, deadline)
                return json_answers.write_classifications(classified.result)
            case "regress":
                regression = regression_pb2.RegressionRequest(model_spec=call.spec)
                await _aside(_read_examples, body, regression)
                regressed = await self._api.regress(regression, deadline)
                return json_answers.write_regressions(regressed.result)
            case "metadata":
                metadata = await self._api.model_metadata(
                    get_model_metadata_pb2.GetModelMetadataRequest(
                        model_spec=call.spec, metadata_field=["signature_def"]
                    )
                )
                return json_answers.write_metadata(metadata)
        status = await self._api.model_status(
            get_model_status_pb2.GetModelStatusRequest(model_spec=call.spec)
        )
        return json_answers.write_status(status)

    def _read_prediction(
        self, body: bytes, request: predict_pb2.PredictRequest
    ) -> Callable[[json_answers.Outputs], str]:
        """Fills `request`, and returns how to write the answer's tensors."""
        document = parse_object(body)
        _fill_signature(document, request)
        name = signature_name(request.model_spec)
        definition = self._api.signature_def(request.model_spec, name)
        if definition is None:
            raise invalid_argument(f'Serving signature name: "{name}" not found in signature def')
        if not definition.inputs:
            raise invalid_argument(
                "Failed to get input map for signature: "
                f"{request.model_spec.signature_name or 'DEFAULT'}"
            )
        if "instances" in document and "inputs" in document:
            raise invalid_argument(
                f"JSON Value: {show(document)} Not formatted correctly expecting only one of "
                "'inputs' or 'instances' keys to exist "
            )
        # A dict, because protobuf's map fails where a name of the document is no UTF-8.
        infos = dict(definition.inputs)
        if "inputs" in document:
            tensors = tensors_of_columns(document["inputs"], infos)
            write = json_answers.write_columns
        elif "instances" in document:
            tensors = tensors_of_rows(_rows(document), infos)
            write = json_answers.write_rows
        else:
            raise invalid_argument("Missing 'inputs' or 'instances' key")
        for alias, tensor in tensors.items():
            request.inputs[alias].CopyFrom(tensor)
        return write


def _rows(document: dict) -> list:
    rows = document["instances"]
    if not isinstance(rows, list):
        raise invalid_argument(
            f"JSON Value: {show(document)} Excepting 'instances' to be an list/array"
        )
    if not rows:
        raise invalid_argument(f"JSON Value: {show(document)} No values in 'instances' array")
    return rows


def _fill_signature(document: dict, request: Any) -> None:
    if "signature_name" not in document:
        return
    name = document["signature_name"]
    if not isinstance(name, str):
        raise invalid_argument(
            f"JSON Value: {show(document)} not formatted correctly. 'signature_name' key must be a "
            "string value."
        )
    request.model_spec.signature_name = bytes_of(name).decode("utf-8", "replace")


def _read_examples(body: bytes, request: Any) -> None:
    document = parse_object(body)
    _fill_signature(document, request)
    read_examples(document, request.input)


async def _aside(read: Callable[[bytes, Any], _Result], body: bytes, request: Any) -> _Result:
    """Calls `read`; on a thread if the body is large."""
    if len(body) > _LARGE_BYTES:
        return await asyncio.to_thread(read, body, request)
    return read(body, request)
