"""What a client asks of models that write, fill and score texts."""

from collections.abc import Sequence
from typing import Any

from keras_bert_cls.client import requests
from keras_bert_cls.client.answers import rows_of_output
from keras_bert_cls.client.calls import Call, Exchange
from keras_bert_cls.client.requests import ModelChoice
from keras_bert_cls.client.signatures import asked_of
from keras_bert_cls.client.slices import RequestLimits, slices
from keras_bert_cls.errors import UserError
from keras_bert_cls.masked_lm.answers import FilledText, InfilledText, TextScore
from keras_bert_cls.masked_lm.infill_options import InfillOptions
from keras_bert_cls.masked_lm.reading import filled_text, infilled_text
from keras_bert_cls.predictions import WrittenText

# What our exports give; those of a smaller vocabulary give all of it.
_CANDIDATES = 5


class TextExchanges:
    """The exchanges about one model of language; they may go on at the same time.

    Args:
      model: which model and version.
      limits: of one request; longer lists become several.
    """

    def __init__(self, model: ModelChoice, limits: RequestLimits):
        self._model = model
        self._limits = limits

    def fill_mask(self, texts: Sequence[str], top_k: int) -> Exchange[list[FilledText]]:
        """Returns the candidates for each [MASK] of each text."""
        if top_k < 1:
            raise UserError(f"top_k must be at least 1, got {top_k}")
        filled = yield from self._rows("fill_mask", texts, ("sequence", "tokens", "scores"))
        most = max((len(mask) for _, masks, _ in filled for mask in masks), default=top_k)
        if max(most, _CANDIDATES) < top_k:
            raise UserError(
                f"the server gives {most} candidates for a [MASK], {top_k} are asked for"
            )
        tokens = yield from self._rows("tokenize", texts, ("tokens",))
        return [
            filled_text(sequence, names, scores, own, top_k=top_k)
            for (sequence, names, scores), (own,) in zip(filled, tokens, strict=True)
        ]

    def score(self, texts: Sequence[str], word_l2r: bool) -> Exchange[list[TextScore]]:
        """Returns how likely the model finds each text."""
        signature = "score_word_l2r" if word_l2r else "score"
        rows = yield from self._rows(signature, texts, ("log_likelihood", "num_tokens"))
        return [TextScore(*row) for row in rows]

    def infill(
        self, texts: Sequence[str], options: InfillOptions, first: int
    ) -> Exchange[list[InfilledText]]:
        """Returns the texts with their [MASK]s filled; `first` is the number of the first text."""
        options.check()
        settings = options.inputs(first, len(texts))
        names = ("sequence", "tokens", "scores")
        rows = yield from self._rows("infill", texts, names, settings)
        return [infilled_text(*row) for row in rows]

    def generate(self, texts: Sequence[str]) -> Exchange[list[WrittenText]]:
        """Returns what the model writes for each text."""
        rows = yield from self._rows("generate", texts, ("text", "score"))
        return [WrittenText(text.decode("utf-8", "replace"), score) for text, score in rows]

    def _rows(
        self,
        signature: str,
        texts: Sequence[str],
        names: Sequence[str],
        settings: requests.Settings | None = None,
    ) -> Exchange[list[tuple[Any, ...]]]:
        """Returns outputs of a signature of the texts, a tuple a text."""
        columns = requests.encoded_columns(texts, None)
        spec = self._model.spec(signature)
        parts = slices(columns, self._limits)
        calls = (
            Call("Predict", requests.predict_request(spec, columns, rows, settings))
            for rows in parts
        )
        responses = yield from asked_of(self._model, signature, calls)
        found: dict[int, tuple[Any, ...]] = {}
        for rows, response in zip(parts, responses, strict=True):
            outputs = [rows_of_output(response.outputs, name, len(rows)) for name in names]
            found.update(zip(rows, zip(*outputs, strict=True), strict=True))
        return [found[row] for row in range(len(found))]
