"""What a client asks, and what it makes of the answers, apart from how they travel.

An exchange is a generator. It yields calls that may be made at the same time, is sent their
Outcome, and returns a result. So clients for threads and for asyncio share everything but waiting.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import grpc

from keras_bert_cls.client import requests
from keras_bert_cls.client.answers import predictions_of_classes, predictions_of_outputs
from keras_bert_cls.client.calls import Call, Exchange, asked
from keras_bert_cls.client.errors import ServerError
from keras_bert_cls.client.model_description import (
    SignatureSpec,
    VersionStatus,
    version_statuses,
)
from keras_bert_cls.client.requests import ModelChoice
from keras_bert_cls.client.schema import MESSAGES
from keras_bert_cls.client.signatures import NO_SIGNATURE, asked_of, signatures_of
from keras_bert_cls.client.slices import RequestLimits, slices
from keras_bert_cls.predictions import Prediction, task_signature

# A version may be replaced between the two calls of a prediction; then both are made again.
_PREDICT_ATTEMPTS = 3
_NOT_READY = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)


class Exchanges:
    """The exchanges about one model; they may go on at the same time.

    Args:
      model: which model and version.
      limits: of one request; longer lists become several.
    """

    def __init__(self, model: ModelChoice, limits: RequestLimits):
        self._model = model
        self._limits = limits
        self._label_names: dict[tuple[int, str | None], tuple[str, ...] | None] = {}

    def predict(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None, task: str | None = None
    ) -> Exchange[list[Prediction]]:
        """Returns a prediction for each text; a version that goes away on the way is let go."""
        spec = self._model.spec(task)
        columns = requests.encoded_columns(texts, text_pairs)
        parts = slices(columns, self._limits)
        predictions: dict[int, Prediction] = {}
        for attempt in range(1, _PREDICT_ATTEMPTS + 1):
            calls = (
                Call("Predict", requests.predict_request(spec, columns, rows)) for rows in parts
            )
            responses = yield from asked_of(self._model, task or "serving_default", calls)
            gone = yield from self._learn_label_names(responses, list(columns), task)
            if gone and attempt == _PREDICT_ATTEMPTS:
                raise next(iter(gone.values()))
            again = []
            for rows, response in zip(parts, responses, strict=True):
                version = response.model_spec.version.value
                if version in gone:
                    again.append(rows)
                    continue
                names = self._label_names.get((version, task))
                answers = predictions_of_outputs(response.outputs, len(rows), names)
                predictions.update(zip(rows, answers, strict=True))
            if not again:
                break
            parts = again
        return [predictions[row] for row in range(len(predictions))]

    def classify(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None, task: str | None = None
    ) -> Exchange[list[Prediction]]:
        """Returns a prediction for each text, through the Classify API."""
        signature = task_signature(task, "classify")
        spec = self._model.spec(signature)
        columns = requests.encoded_columns(texts, text_pairs)
        parts = slices(columns, self._limits)
        calls = (
            Call("Classify", requests.classification_request(spec, columns, rows)) for rows in parts
        )
        responses = yield from asked_of(self._model, signature, calls)
        predictions: dict[int, Prediction] = {}
        for rows, response in zip(parts, responses, strict=True):
            predictions.update(zip(rows, predictions_of_classes(response), strict=True))
        return [predictions[row] for row in range(len(predictions))]

    def metadata(self) -> Exchange[dict[str, SignatureSpec]]:
        """Returns the model's signatures by name."""
        return (yield from signatures_of(self._model))

    def status(self) -> Exchange[list[VersionStatus]]:
        """Returns the state of the versions that the server knows, the newest first."""
        request = MESSAGES["GetModelStatusRequest"](model_spec=self._model.spec())
        (response,) = yield from asked([Call("GetModelStatus", request)])
        return version_statuses(response)

    def is_ready(self) -> Exchange[bool]:
        """Says whether the server answers and has the model loaded."""
        try:
            statuses = yield from self.status()
        except ServerError as error:
            if error.code in _NOT_READY:
                return False
            raise
        return any(status.state == "AVAILABLE" for status in statuses)

    def _learn_label_names(
        self, responses: list[Any], inputs: list[str], task: str | None
    ) -> Exchange[dict[int, ServerError]]:
        """Asks for the names of the columns of `probabilities`, once for each version.

        They come from the Classify API of the versions that answered, the unknown label after them
        where a model rejects; None stands for versions that have no such signature.

        Returns:
          Versions that were gone when they were asked -> the error.
        """
        versions = {
            response.model_spec.version.value
            for response in responses
            if "probabilities" in response.outputs and "labels" not in response.outputs
        }
        gone: dict[int, ServerError] = {}
        for version in versions:
            if (version, task) in self._label_names:
                continue
            model = dataclasses.replace(self._model, version=version, version_label=None)
            spec = model.spec(task_signature(task, "classify"))
            empty = requests.classification_request(spec, {name: [b""] for name in inputs}, [0])
            try:
                (answer,) = yield from asked([Call("Classify", empty)])
            except ServerError as error:
                if error.code is grpc.StatusCode.NOT_FOUND:
                    gone[version] = error
                elif NO_SIGNATURE in error.details:
                    self._label_names[version, task] = None
                else:
                    raise
            else:
                classes = answer.result.classifications[0].classes
                self._label_names[version, task] = tuple(entry.label for entry in classes)
        return gone
