"""Calls to one server: retries, deadlines, and errors that say which call failed."""

import json
from typing import Any

import grpc

from keras_bert_cls.client.errors import ServerError
from keras_bert_cls.client.schema import MESSAGES

# Method -> its service and the message of its answer.
METHODS = {
    "Predict": ("PredictionService", "PredictResponse"),
    "Classify": ("PredictionService", "ClassificationResponse"),
    "GetModelMetadata": ("PredictionService", "GetModelMetadataResponse"),
    "GetModelStatus": ("ModelService", "GetModelStatusResponse"),
}

# gRPC waits a random time below a bound that doubles from 0.1 s to 2 s, up to the deadline.
_RETRY_POLICY = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
_CHANNEL_OPTIONS = [
    ("grpc.service_config", json.dumps(_RETRY_POLICY)),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.max_receive_message_length", -1),
]


class Connection:
    """A channel to a server; calls may come from several threads.

    Args:
      target: "host:port".
      timeout: seconds that a call may take, retries included.
    """

    def __init__(self, target: str, timeout: float):
        self._target = target
        self._timeout = timeout
        self._channel = grpc.insecure_channel(target, options=_CHANNEL_OPTIONS)

    def call(self, method: str, request: Any) -> Any:
        """Sends `request` and returns the answer.

        Args:
          method: one of the keys of METHODS.
          request: the method's message.

        Raises:
          ServerError: the server refused, or did not answer in time.
        """
        service, answer = METHODS[method]
        send = self._channel.unary_unary(
            f"/tensorflow.serving.{service}/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=MESSAGES[answer].FromString,
        )
        try:
            return send(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise ServerError(self._target, method, error.code(), error.details() or "") from error

    def close(self) -> None:
        """Closes the channel; no call after this."""
        self._channel.close()
