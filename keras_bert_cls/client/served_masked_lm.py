"""A served masked language model with the methods of MaskedLM that programs use."""

import itertools
from collections.abc import Iterable, Iterator

from keras_bert_cls.client.client import Client
from keras_bert_cls.masked_lm.answers import FilledText, InfilledText, TextScore
from keras_bert_cls.masked_lm.generation import check_generated, check_generation, masked_prompt
from keras_bert_cls.masked_lm.infill_options import InfillOptions


class ServedMaskedLM:
    """Answers streams of texts, a batch at a time. Imports neither TensorFlow nor NumPy.

    Args:
      client: asks the server.
    """

    def __init__(self, client: Client):
        self._client = client

    def fill_mask_iter(
        self, texts: Iterable[str], top_k: int, batch_size: int
    ) -> Iterator[FilledText]:
        """See MaskedLM.fill_mask."""
        for batch in _batches(texts, batch_size):
            yield from self._client.fill_mask(batch, top_k)

    def score_iter(
        self, texts: Iterable[str], word_l2r: bool, batch_size: int
    ) -> Iterator[TextScore]:
        """See MaskedLM.score."""
        for batch in _batches(texts, batch_size):
            yield from self._client.score(batch, word_l2r)

    def infill_iter(
        self, texts: Iterable[str], options: InfillOptions, batch_size: int
    ) -> Iterator[InfilledText]:
        """See MaskedLM.infill."""
        first = 0
        for batch in _batches(texts, batch_size):
            yield from self._client.infill(batch, options, first=first)
            first += len(batch)

    def generate(
        self, length: int, prompt: str, samples: int, options: InfillOptions, batch_size: int
    ) -> list[InfilledText]:
        """See MaskedLM.generate."""
        check_generation(length, samples)
        prompts = itertools.repeat(masked_prompt(prompt, length), samples)
        texts = list(self.infill_iter(prompts, options, batch_size))
        check_generated(texts[0], prompt, length)
        return texts


def _batches(texts: Iterable[str], batch_size: int) -> Iterator[list[str]]:
    rows = iter(texts)
    while batch := list(itertools.islice(rows, batch_size)):
        yield batch
