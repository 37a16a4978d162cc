"""A client for this package's server and for TensorFlow Serving. Imports no TensorFlow."""

from collections.abc import Sequence

from keras_bert_cls.client.base_client import BaseClient
from keras_bert_cls.client.connection import Connection
from keras_bert_cls.client.model_description import SignatureSpec, VersionStatus
from keras_bert_cls.masked_lm.answers import FilledText, InfilledText, TextScore
from keras_bert_cls.masked_lm.infill_options import DEFAULT_INFILL, InfillOptions
from keras_bert_cls.predictions import Prediction, WrittenText


class Client(BaseClient):
    """Asks a server about texts, over gRPC.

    Calls may come from several threads. Use it as a context manager, or `close` it. For what it
    can be told see BaseClient.

        with Client("localhost:8500", "sentiment") as client:
            for prediction in client.predict(["好吃！", "never again"]):
                print(prediction.label, prediction.score)
    """

    _connection_class = Connection

    def predict(
        self,
        texts: Sequence[str],
        text_pairs: Sequence[str] | None = None,
        *,
        task: str | None = None,
        timeout: float | None = None,
    ) -> list[Prediction]:
        """Returns a prediction for each text.

        Args:
          texts: the texts.
          text_pairs: the second texts, for models of pairs.
          task: which task of a model of several is asked; by default its first.
          timeout: seconds for the whole list; None for no bound but that of each request.

        Raises:
          ServerError: the server refused, or did not answer in time.
          UserError: the texts are no list of strings, or the model does not classify.
        """
        return self._connection.carry(self._exchanges.predict(texts, text_pairs, task), timeout)

    def classify(
        self,
        texts: Sequence[str],
        text_pairs: Sequence[str] | None = None,
        *,
        task: str | None = None,
        timeout: float | None = None,
    ) -> list[Prediction]:
        """Returns a prediction for each text, through TensorFlow Serving's Classify API.

        The label is the class of the highest score. A model that rejects has its unknown label
        among the classes, with a score of 1 where it is the answer and 0 elsewhere. This API does
        not tell which labels of a multi-label model reach their thresholds. Args and Raises are
        those of `predict`.
        """
        return self._connection.carry(self._exchanges.classify(texts, text_pairs, task), timeout)

    def fill_mask(
        self, texts: Sequence[str], top_k: int = 5, *, timeout: float | None = None
    ) -> list[FilledText]:
        """Says what may stand in the place of each [MASK], of a masked language model's texts.

        Args:
          texts: texts with a literal [MASK] in them, any number of times.
          top_k: candidates for each, the likeliest first; a server gives 5 at most.
          timeout: see `predict`.

        Raises:
          ServerError: the server refused, did not answer in time, or its model is another one.
          UserError: the texts are no list of strings, or there are not so many candidates.
        """
        exchange = self._text_exchanges.fill_mask(texts, top_k)
        return self._connection.carry(exchange, timeout)

    def score(
        self, texts: Sequence[str], word_l2r: bool = False, *, timeout: float | None = None
    ) -> list[TextScore]:
        """Scores texts by a masked language model's pseudo-log-likelihood (Salazar et al. 2020).

        A text of m tokens costs m runs of the model: give long ones a long timeout. With
        `word_l2r` the rest of a token's word is masked too. Raises as `fill_mask` does.
        """
        exchange = self._text_exchanges.score(texts, word_l2r)
        return self._connection.carry(exchange, timeout)

    def infill(
        self,
        texts: Sequence[str],
        options: InfillOptions = DEFAULT_INFILL,
        *,
        first: int = 0,
        timeout: float | None = None,
    ) -> list[InfilledText]:
        """Fills all [MASK]s of a text together, by mask-predict (Ghazvininejad et al. 2019).

        Args:
          texts: texts with a literal [MASK] for each token to be filled in.
          options: how; what is drawn depends on its seed and a text's number.
          first: the number of the first text, where a list is sent piece by piece.
          timeout: see `predict`.

        Raises as `fill_mask` does.
        """
        exchange = self._text_exchanges.infill(texts, options, first)
        return self._connection.carry(exchange, timeout)

    def generate(self, texts: Sequence[str], *, timeout: float | None = None) -> list[WrittenText]:
        """Writes a text for each text, with a sequence-to-sequence model.

        How outputs are chosen is fixed in its export. Raises as `fill_mask` does.
        """
        return self._connection.carry(self._text_exchanges.generate(texts), timeout)

    def metadata(self) -> dict[str, SignatureSpec]:
        """Returns the model's signatures by name; raises ServerError."""
        return self._connection.carry(self._exchanges.metadata())

    def status(self) -> list[VersionStatus]:
        """Returns the state of the versions that the server knows, the newest first.

        Raises:
          ServerError: the server does not know the model, or did not answer.
        """
        return self._connection.carry(self._exchanges.status())

    def is_ready(self) -> bool:
        """Says whether the server answers and has the model loaded."""
        return self._connection.carry(self._exchanges.is_ready())

    def close(self) -> None:
        """Closes the connection; no call after this."""
        self._connection.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
