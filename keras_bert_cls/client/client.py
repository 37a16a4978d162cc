"""A client for this package's server and for TensorFlow Serving. Imports no TensorFlow."""

from collections.abc import Callable, Sequence
from typing import Any

import grpc

from keras_bert_cls.client import requests
from keras_bert_cls.client.answers import predictions_of_classes, predictions_of_outputs
from keras_bert_cls.client.connection import Connection
from keras_bert_cls.client.errors import ServerError
from keras_bert_cls.client.model_description import (
    SignatureSpec,
    VersionStatus,
    signature_specs,
    version_statuses,
)
from keras_bert_cls.client.schema import MESSAGES
from keras_bert_cls.errors import UserError
from keras_bert_cls.predictions import Prediction

_NO_SIGNATURE = "No signature was found with the name"  # TensorFlow Serving's words
# A version may be replaced between the two calls of a prediction; then both are made again.
_PREDICT_ATTEMPTS = 3


class Client:
    """Asks a server about texts, over gRPC.

    Calls may come from several threads. Use it as a context manager, or `close` it.

        with Client("localhost:8500", "sentiment") as client:
            for prediction in client.predict(["好吃！", "never again"]):
                print(prediction.label, prediction.score)

    Args:
      target: "host:port" of the server's gRPC port.
      model_name: the model's name there.
      version: a version's number; the newest by default.
      timeout: seconds that a call may take, retries included. A call is repeated, with growing
        pauses, while the server is unavailable.
      batch_size: texts of a call; longer lists are sent in slices.
    """

    def __init__(
        self,
        target: str,
        model_name: str,
        *,
        version: int | None = None,
        timeout: float = 10.0,
        batch_size: int = 32,
    ):
        if batch_size < 1:
            raise UserError(f"batch_size must be at least 1, got {batch_size}")
        self._model_name = model_name
        self._version = version
        self._batch_size = batch_size
        self._label_names: dict[int, tuple[str, ...] | None] = {}
        self._connection = Connection(target, timeout)

    def predict(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> list[Prediction]:
        """Returns a prediction for each text.

        Args:
          texts: the texts.
          text_pairs: the second texts, for models of pairs.

        Raises:
          ServerError: the server refused, or did not answer.
          UserError: the texts are no list of strings, or the model does not classify.
        """
        return self._in_slices(self._predict_slice, texts, text_pairs)

    def classify(
        self, texts: Sequence[str], text_pairs: Sequence[str] | None = None
    ) -> list[Prediction]:
        """Returns a prediction for each text, through TensorFlow Serving's Classify API.

        The label is the class of the highest score. Args and Raises are those of `predict`.
        """
        return self._in_slices(self._classify_slice, texts, text_pairs)

    def metadata(self) -> dict[str, SignatureSpec]:
        """Returns the model's signatures by name; raises ServerError."""
        request = MESSAGES["GetModelMetadataRequest"](
            model_spec=self._spec(), metadata_field=["signature_def"]
        )
        response = self._connection.call("GetModelMetadata", request)
        packed = response.metadata["signature_def"].value
        return signature_specs(MESSAGES["SignatureDefMap"].FromString(packed))

    def status(self) -> list[VersionStatus]:
        """Returns the state of the versions that the server knows, the newest first.

        Raises:
          ServerError: the server does not know the model, or did not answer.
        """
        request = MESSAGES["GetModelStatusRequest"](model_spec=self._spec())
        return version_statuses(self._connection.call("GetModelStatus", request))

    def is_ready(self) -> bool:
        """Says whether the server answers and has the model loaded."""
        try:
            return any(status.state == "AVAILABLE" for status in self.status())
        except ServerError as error:
            not_yet = (
                grpc.StatusCode.UNAVAILABLE,
                grpc.StatusCode.NOT_FOUND,
                grpc.StatusCode.DEADLINE_EXCEEDED,
            )
            if error.code in not_yet:
                return False
            raise

    def close(self) -> None:
        """Closes the connection; no call after this."""
        self._connection.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _in_slices(
        self,
        ask: Callable[[dict[str, list[bytes]]], list[Prediction]],
        texts: Sequence[str],
        text_pairs: Sequence[str] | None,
    ) -> list[Prediction]:
        columns = requests.encoded_columns(texts, text_pairs)
        return [
            prediction
            for part in requests.slices(columns, self._batch_size)
            for prediction in ask(part)
        ]

    def _predict_slice(self, columns: dict[str, list[bytes]]) -> list[Prediction]:
        request = requests.predict_request(self._spec(), columns)
        for attempt in range(1, _PREDICT_ATTEMPTS + 1):
            response = self._connection.call("Predict", request)
            try:
                names = self._names_of_columns(response, columns)
                break
            except ServerError as error:
                if error.code is not grpc.StatusCode.NOT_FOUND or attempt == _PREDICT_ATTEMPTS:
                    raise
        return predictions_of_outputs(response.outputs, len(columns["text"]), names)

    def _names_of_columns(
        self, response: Any, columns: dict[str, list[bytes]]
    ) -> tuple[str, ...] | None:
        """Returns the labels of the probabilities in `response`.

        They come from the Classify API of the version that answered, once for each version; None
        if it has no probabilities or no such signature.
        """
        if "probabilities" not in response.outputs:
            return None
        version = response.model_spec.version.value
        if version not in self._label_names:
            request = requests.classification_request(
                self._spec(version), {name: [b""] for name in columns}
            )
            try:
                answer = self._connection.call("Classify", request)
            except ServerError as error:
                if _NO_SIGNATURE not in error.details:
                    raise
                self._label_names[version] = None
            else:
                classes = answer.result.classifications[0].classes
                self._label_names[version] = tuple(entry.label for entry in classes)
        return self._label_names[version]

    def _classify_slice(self, columns: dict[str, list[bytes]]) -> list[Prediction]:
        request = requests.classification_request(self._spec(), columns)
        return predictions_of_classes(self._connection.call("Classify", request))

    def _spec(self, version: int | None = None) -> Any:
        number = self._version if version is None else version
        return requests.model_spec(self._model_name, number)
