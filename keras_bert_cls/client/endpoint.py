"""Where a server is, and how to reach it: retries, TLS, a bearer token."""

import dataclasses
import json
import os
import pathlib
import socket
from typing import Any

import grpc

from keras_bert_cls.errors import UserError

# gRPC waits a random time around a bound that doubles from 0.1 s to 2 s, up to the deadline.
_RETRY_POLICY = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
            },
        }
    ]
}
_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
]
_RETRY_OPTIONS = [
    ("grpc.service_config", json.dumps(_RETRY_POLICY)),
    # gRPC repeats only what it has kept; 256 KiB by default, less than a request of long texts.
    ("grpc.per_rpc_retry_buffer_size", 256 << 20),
]
_NO_RETRY_OPTIONS = [
    ("grpc.enable_retries", 0),
    # Else channels to one server share a connection.
    ("grpc.use_local_subchannel_pool", 1),
]
_PEM = b"-----BEGIN"


@dataclasses.dataclass(frozen=True)
class Tls:
    """Encrypts the connection and checks who the server is. All files are PEM.

    Attributes:
      root_certificates: whom to trust; by default gRPC's list of public authorities.
      certificate, key: what a server that asks for certificates (mutual TLS) gets to see.
    """

    root_certificates: str | os.PathLike | None = None
    certificate: str | os.PathLike | None = None
    key: str | os.PathLike | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Reads the files; raises UserError for those that are missing or no PEM."""
        if (self.certificate is None) != (self.key is None):
            raise UserError("expected both certificate and key of the client, or neither")
        return grpc.ssl_channel_credentials(
            _pem("root_certificates", self.root_certificates),
            _pem("key", self.key),
            _pem("certificate", self.certificate),
        )


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """A server's gRPC port.

    Attributes:
      target: "host:port".
      tls: None connects in the clear.
      bearer_token: the secret that the server wants to see, if any.
    """

    target: str
    tls: Tls | None = None
    bearer_token: str | None = None

    def __post_init__(self) -> None:
        token = self.bearer_token
        if token is not None and not (token.isascii() and token.isprintable() and token.strip()):
            raise UserError("expected bearer_token to be printable ASCII without line ends")

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What every call tells the server beside its request."""
        return (("authorization", f"Bearer {self.bearer_token}"),) if self.bearer_token else ()

    def is_listening(self, timeout: float) -> bool:
        """Says whether a TCP connection can be made; True if `target` is no plain "host:port".

        Args:
          timeout: seconds to wait for the connection.
        """
        host, _, port = self.target.rpartition(":")
        if "/" in host or not port.isdecimal():
            return True
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout):
                return True
        except (OSError, OverflowError):
            return False

    def channel(self, kind: Any = grpc, *, retries: bool = True) -> Any:
        """Opens a channel; it connects with the first call.

        Args:
          kind: `grpc`, or `grpc.aio` for a channel of asyncio.
          retries: whether calls are repeated while the server is unavailable or has too much to
            do. Without, the channel also has a connection of its own.

        Raises:
          UserError: a file of `tls` is wrong.
        """
        options = _OPTIONS + (_RETRY_OPTIONS if retries else _NO_RETRY_OPTIONS)
        if self.tls is None:
            return kind.insecure_channel(self.target, options=options)
        return kind.secure_channel(self.target, self.tls.credentials(), options=options)


def _pem(name: str, path: str | os.PathLike | None) -> bytes | None:
    if path is None:
        return None
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{name} of the TLS connection cannot be read: {error}") from error
    if _PEM not in content:
        raise UserError(f"{name}: expected a file in PEM format (-----BEGIN …), got {path}")
    return content
