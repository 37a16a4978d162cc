"""Who may connect, and what the wire shows: TLS from an SSLConfig, and a bearer token."""

import dataclasses
import hmac
import pathlib
import ssl
import tempfile

import grpc

from keras_bert_cls.errors import UserError
from keras_bert_cls.server.config_messages import read_config_message

_MIN_TOKEN_BYTES = 16


@dataclasses.dataclass(frozen=True)
class TlsIdentity:
    """What the server shows, and wants to be shown.

    Attributes:
      key, certificates: PEM, of the server.
      client_authority: PEM of who signs clients' certificates; "" for the system's authorities.
      verifies_clients: whether a client must show a certificate (mutual TLS).
    """

    key: str
    certificates: str
    client_authority: str
    verifies_clients: bool

    @classmethod
    def from_ssl_config(cls, path: pathlib.Path) -> "TlsIdentity":
        """Reads --ssl_config_file; it holds the PEM texts themselves, as TensorFlow Serving's.

        Raises:
          UserError: it cannot be read, or its key and certificate do not fit.
        """
        config = read_config_message("SSLConfig", path, "--ssl_config_file")
        identity = cls(
            config.server_key, config.server_cert, config.custom_ca, config.client_verify
        )
        try:
            identity.ssl_context()
        except (ssl.SSLError, ValueError) as error:
            raise UserError(
                f"{path}: server_key, server_cert and custom_ca must be PEM texts that belong "
                f"together: {error}"
            ) from error
        return identity

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Returns what a gRPC server listens with."""
        return grpc.ssl_server_credentials(
            [(self.key.encode(), self.certificates.encode())],
            root_certificates=self.client_authority.encode() or None,
            require_client_auth=self.verifies_clients,
        )

    def ssl_context(self) -> ssl.SSLContext:
        """Returns what an HTTP server listens with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Python's ssl reads the key from a file only.
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(f"{self.certificates}\n{self.key}")
            file.flush()
            context.load_cert_chain(file.name)
        if self.verifies_clients:
            context.verify_mode = ssl.CERT_REQUIRED
            if self.client_authority:
                context.load_verify_locations(cadata=self.client_authority)
            else:
                context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return context


class BearerToken:
    """A secret that requests must bring as `authorization: Bearer SECRET`.

    Args:
      secret: the token.
    """

    def __init__(self, secret: bytes):
        self._expected = b"Bearer " + secret

    @classmethod
    def from_file(cls, path: pathlib.Path) -> "BearerToken":
        """Reads --bearer_token_file; white space around the token does not count.

        Raises:
          UserError: it cannot be read, or the token is too short to be one.
        """
        try:
            secret = path.read_bytes().strip()
        except OSError as error:
            raise UserError(f"--bearer_token_file cannot be read: {error}") from error
        if len(secret) < _MIN_TOKEN_BYTES:
            raise UserError(
                f"--bearer_token_file {path}: expected a token of at least {_MIN_TOKEN_BYTES} "
                f"bytes, got {len(secret)}. `openssl rand -hex 32` makes one."
            )
        return cls(secret)

    def accepts(self, authorization: str | bytes | None) -> bool:
        """Whether the value of a request's authorization field is right, in constant time."""
        given = authorization or b""
        if isinstance(given, str):
            given = given.encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, self._expected)
