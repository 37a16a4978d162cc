"""The client for asyncio."""

from collections.abc import Sequence

from keras_bert_cls.client.base_client import BaseClient
from keras_bert_cls.client.connection import AsyncConnection
from keras_bert_cls.client.model_description import SignatureSpec, VersionStatus
from keras_bert_cls.masked_lm.answers import FilledText, InfilledText, TextScore
from keras_bert_cls.masked_lm.infill_options import DEFAULT_INFILL, InfillOptions
from keras_bert_cls.predictions import Prediction, WrittenText


class AsyncClient(BaseClient):
    """Asks a server about texts, over gRPC, without blocking the event loop.

    Make it and use it inside one event loop; coroutines may ask at the same time, and cancelling
    one cancels its requests. Methods are those of Client. For what it can be told see BaseClient.

        async with AsyncClient("localhost:8500", "sentiment") as client:
            for prediction in await client.predict(["好吃！", "never again"]):
                print(prediction.label, prediction.score)
    """

    _connection_class = AsyncConnection

    async def predict(
        self,
        texts: Sequence[str],
        text_pairs: Sequence[str] | None = None,
        *,
        task: str | None = None,
        timeout: float | None = None,
    ) -> list[Prediction]:
        """Returns a prediction for each text; see Client.predict."""
        return await self._connection.carry(
            self._exchanges.predict(texts, text_pairs, task), timeout
        )

    async def classify(
        self,
        texts: Sequence[str],
        text_pairs: Sequence[str] | None = None,
        *,
        task: str | None = None,
        timeout: float | None = None,
    ) -> list[Prediction]:
        """Returns a prediction for each text through the Classify API; see Client.classify."""
        return await self._connection.carry(
            self._exchanges.classify(texts, text_pairs, task), timeout
        )

    async def fill_mask(
        self, texts: Sequence[str], top_k: int = 5, *, timeout: float | None = None
    ) -> list[FilledText]:
        """See Client.fill_mask."""
        exchange = self._text_exchanges.fill_mask(texts, top_k)
        return await self._connection.carry(exchange, timeout)

    async def score(
        self, texts: Sequence[str], word_l2r: bool = False, *, timeout: float | None = None
    ) -> list[TextScore]:
        """See Client.score."""
        exchange = self._text_exchanges.score(texts, word_l2r)
        return await self._connection.carry(exchange, timeout)

    async def infill(
        self,
        texts: Sequence[str],
        options: InfillOptions = DEFAULT_INFILL,
        *,
        first: int = 0,
        timeout: float | None = None,
    ) -> list[InfilledText]:
        """See Client.infill."""
        exchange = self._text_exchanges.infill(texts, options, first)
        return await self._connection.carry(exchange, timeout)

    async def generate(
        self, texts: Sequence[str], *, timeout: float | None = None
    ) -> list[WrittenText]:
        """See Client.generate."""
        return await self._connection.carry(self._text_exchanges.generate(texts), timeout)

    async def metadata(self) -> dict[str, SignatureSpec]:
        """Returns the model's signatures by name; raises ServerError."""
        return await self._connection.carry(self._exchanges.metadata())

    async def status(self) -> list[VersionStatus]:
        """Returns the state of the versions that the server knows; see Client.status."""
        return await self._connection.carry(self._exchanges.status())

    async def is_ready(self) -> bool:
        """Says whether the server answers and has the model loaded."""
        return await self._connection.carry(self._exchanges.is_ready())

    async def close(self) -> None:
        """Closes the connection; no call after this."""
        await self._connection.close()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
