"""What a client asks, and what it makes of the answers, apart from how they travel.

An exchange is a generator. It yields calls that may be made at the same time, is sent their
Outcome, and returns a result. So clients for threads and for asyncio share everything but waiting.
"""

import dataclasses
from collections.abc import Generator, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

import grpc

from keras_bert_cls.client import requests
from keras_bert_cls.client.answers import predictions_of_classes, predictions_of_outputs
from keras_bert_cls.client.errors import ServerError
from keras_bert_cls.client.model_description import (
    SignatureSpec,
    VersionStatus,
    signature_specs,
    version_statuses,
)
from keras_bert_cls.client.requests import ModelChoice
from keras_bert_cls.client.schema import MESSAGES
from keras_bert_cls.client.slices import RequestLimits, slices
from keras_bert_cls.predictions import Prediction, task_signature

_NO_SIGNATURE = "No signature was found with the name"  # TensorFlow Serving's words
# A version may be replaced between the two calls of a prediction; then both are made again.
_PREDICT_ATTEMPTS = 3
_NOT_READY = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)


@dataclasses.dataclass(frozen=True)
class Call:
    """A method of the server and what it is asked.

    Attributes:
      method: "Predict", "Classify", "GetModelMetadata" or "GetModelStatus".
      request: the method's message.
    """

    method: str
    request: Any


T = TypeVar("T")
# The answers, in the order of the calls; or the first error, after which the rest was not waited
# for.
Outcome: TypeAlias = list[Any] | ServerError
Exchange: TypeAlias = Generator[Iterable[Call], Outcome, T]


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
            responses = yield from asked(
                Call("Predict", requests.predict_request(spec, columns, rows)) for rows in parts
            )
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
        spec = self._model.spec(task_signature(task, "classify"))
        columns = requests.encoded_columns(texts, text_pairs)
        parts = slices(columns, self._limits)
        responses = yield from asked(
            Call("Classify", requests.classification_request(spec, columns, rows)) for rows in parts
        )
        predictions: dict[int, Prediction] = {}
        for rows, response in zip(parts, responses, strict=True):
            predictions.update(zip(rows, predictions_of_classes(response), strict=True))
        return [predictions[row] for row in range(len(predictions))]

    def metadata(self) -> Exchange[dict[str, SignatureSpec]]:
        """Returns the model's signatures by name."""
        request = MESSAGES["GetModelMetadataRequest"](
            model_spec=self._model.spec(), metadata_field=["signature_def"]
        )
        (response,) = yield from asked([Call("GetModelMetadata", request)])
        packed = response.metadata["signature_def"].value
        return signature_specs(MESSAGES["SignatureDefMap"].FromString(packed))

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
                elif _NO_SIGNATURE in error.details:
                    self._label_names[version, task] = None
                else:
                    raise
            else:
                classes = answer.result.classifications[0].classes
                self._label_names[version, task] = tuple(entry.label for entry in classes)
        return gone


def asked(calls: Iterable[Call]) -> Exchange[list[Any]]:
    """Returns the answers of `calls`; raises ServerError."""
    outcome = yield calls
    if isinstance(outcome, ServerError):
        raise outcome
    return outcome
