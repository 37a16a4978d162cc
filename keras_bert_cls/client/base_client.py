"""What the clients for threads and for asyncio have in common."""

from typing import Any, ClassVar

from keras_bert_cls.client.endpoint import Endpoint, Tls
from keras_bert_cls.client.exchanges import Exchanges
from keras_bert_cls.client.requests import ModelChoice
from keras_bert_cls.client.slices import RequestLimits
from keras_bert_cls.client.text_exchanges import TextExchanges
from keras_bert_cls.errors import UserError


class BaseClient:
    """Asks a server about texts, over gRPC.

    Args:
      target: "host:port" of the server's gRPC port.
      model_name: the model's name there.
      version: a version's number; the newest by default.
      version_label: the server's name for a version, such as "stable", instead of a number.
      timeout: seconds that a request may take, retries included. A request is repeated, with
        growing random pauses, while the server is unavailable or has too much to do.
      batch_size: texts of a request. Longer lists are sent in several, texts of about the same
        length together; the answers keep the list's order.
      batch_tokens: tokens of a request, roughly: long texts make requests of fewer texts.
      batch_bytes: bytes of a request's texts; a larger text goes alone.
      parallel_requests: requests of one list that are under way at a time.
      tls: how to encrypt the connection; None does not.
      bearer_token: the secret that the server wants to see, if any.

    Raises:
      UserError: one of them makes no sense, or a file of `tls` is wrong.
    """

    _connection_class: ClassVar[type]

    def __init__(
        self,
        target: str,
        model_name: str,
        *,
        version: int | None = None,
        version_label: str | None = None,
        timeout: float = 10.0,
        batch_size: int = 32,
        batch_tokens: int = 4096,
        batch_bytes: int = 1 << 20,
        parallel_requests: int = 4,
        tls: Tls | None = None,
        bearer_token: str | None = None,
    ):
        for name, value in (("timeout", timeout), ("parallel_requests", parallel_requests)):
            if value <= 0:
                raise UserError(f"{name} must be above 0, got {value}")
        choice = ModelChoice(model_name, version, version_label)
        limits = RequestLimits(batch_size, batch_tokens, batch_bytes)
        self._exchanges = Exchanges(choice, limits)
        self._text_exchanges = TextExchanges(choice, limits)
        self._connection: Any = self._connection_class(
            Endpoint(target, tls, bearer_token), timeout, parallel_requests
        )
