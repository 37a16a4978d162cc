"""MaskedLM: fills in, scores, infills and generates texts, from a run or from an export."""

import itertools
import os
from collections.abc import Iterable, Iterator

import numpy as np

from keras_bert_cls.errors import UserError
from keras_bert_cls.masked_lm.answers import FilledText, InfilledText, TextScore
from keras_bert_cls.masked_lm.generation import check_generated, check_generation, masked_prompt
from keras_bert_cls.masked_lm.infill_options import InfillOptions
from keras_bert_cls.masked_lm.loading import LoadedModel, load_masked_lm
from keras_bert_cls.masked_lm.reading import filled_text, infilled_text
from keras_bert_cls.text.utf8 import encoded_batches

_BATCH_SIZE = 32


class MaskedLM:
    """A masked language model. Made by `MaskedLM.load`.

    A run, its export and a server of it give the same numbers to 1e-5, for any batching. Calls are
    thread-safe. Each method that takes texts has a twin, such as `score_iter`, that takes a stream
    of texts and answers as it is read, a batch at a time.

    Attributes:
      max_length: tokens that a text has at most, special tokens included; the rest is cut off.
    """

    def __init__(self, model: LoadedModel):
        self.max_length = model.max_length
        self._model = model

    @classmethod
    def load(cls, path: str | os.PathLike) -> "MaskedLM":
        """Loads a model.

        Args:
          path: the --workdir of a finished run, the --output of bertcls-export (the newest version
            is taken), or one version in it.

        Raises:
          UserError: there is no model at `path`, or it is no masked language model.
        """
        return cls(load_masked_lm(path))

    def fill_mask(
        self, texts: Iterable[str], top_k: int = 5, batch_size: int = _BATCH_SIZE
    ) -> list[FilledText]:
        """Says what may stand in the place of each [MASK].

        Args:
          texts: texts with a literal [MASK] in them, any number of times.
          top_k: candidates for each; an export gives 5 at most.
          batch_size: texts that run at once.

        Raises:
          UserError: a text is no string, or the export does not give so many candidates.
        """
        return list(self.fill_mask_iter(texts, top_k, batch_size))

    def fill_mask_iter(
        self, texts: Iterable[str], top_k: int = 5, batch_size: int = _BATCH_SIZE
    ) -> Iterator[FilledText]:
        """Answers a stream; see `fill_mask`."""
        if top_k < 1:
            raise UserError(f"top_k must be at least 1, got {top_k}")
        for batch in encoded_batches(texts, batch_size):
            answer = self._model.fill_mask(top_k, batch)
            rows = self._model.call("tokenize", {"text": batch})["tokens"]
            columns = (answer["sequence"], answer["tokens"], answer["scores"], rows)
            for row in zip(*(column.tolist() for column in columns), strict=True):
                yield filled_text(*row, top_k=top_k)

    def score(
        self, texts: Iterable[str], word_l2r: bool = False, batch_size: int = _BATCH_SIZE
    ) -> list[TextScore]:
        """Scores texts by their pseudo-log-likelihood (Salazar et al. 2020).

        Each token is masked in turn and the logarithms of the probabilities that the model gives to
        the true ones are summed. A text of m tokens costs m runs of the model.

        Args:
          texts: the texts.
          word_l2r: also mask what follows in the same word (Kauf & Ivanova 2023), so that the rest
            of a rare word does not give its beginning away.
          batch_size: texts that are read at once.

        Raises:
          UserError: a text is no string.
        """
        return list(self.score_iter(texts, word_l2r, batch_size))

    def score_iter(
        self, texts: Iterable[str], word_l2r: bool = False, batch_size: int = _BATCH_SIZE
    ) -> Iterator[TextScore]:
        """Answers a stream; see `score`."""
        signature = "score_word_l2r" if word_l2r else "score"
        for batch in encoded_batches(texts, batch_size):
            answer = self._model.call(signature, {"text": batch})
            rows = zip(
                answer["log_likelihood"].tolist(), answer["num_tokens"].tolist(), strict=True
            )
            yield from itertools.starmap(TextScore, rows)

    def infill(
        self,
        texts: Iterable[str],
        options: InfillOptions | None = None,
        batch_size: int = _BATCH_SIZE,
    ) -> list[InfilledText]:
        """Fills all [MASK]s of a text together, by mask-predict (Ghazvininejad et al. 2019).

        The likeliest tokens are taken, unless the options' temperature says to draw. What a text
        becomes depends on its number in `texts` and the seed, and on nothing else in its batch.

        Args:
          texts: texts with a literal [MASK] for each token to be filled in.
          options: see InfillOptions; the default ones if None.
          batch_size: texts that run at once.

        Raises:
          UserError: a text is no string, or an option is wrong.
        """
        return list(self.infill_iter(texts, options, batch_size))

    def infill_iter(
        self,
        texts: Iterable[str],
        options: InfillOptions | None = None,
        batch_size: int = _BATCH_SIZE,
    ) -> Iterator[InfilledText]:
        """Answers a stream; see `infill`."""
        options = options or InfillOptions()
        options.check()
        first = 0
        for batch in encoded_batches(texts, batch_size):
            settings = options.inputs(first, len(batch)).items()
            inputs = {name: np.array(values, dtype) for name, (dtype, values) in settings}
            answer = self._model.call("infill", {"text": batch, **inputs})
            first += len(batch)
            columns = (answer["sequence"], answer["tokens"], answer["scores"])
            for row in zip(*(column.tolist() for column in columns), strict=True):
                yield infilled_text(*row)

    def generate(
        self,
        length: int,
        prompt: str = "",
        samples: int = 1,
        options: InfillOptions | None = None,
        batch_size: int = _BATCH_SIZE,
    ) -> list[InfilledText]:
        """Writes texts: puts [MASK]s after a prompt and fills them, see `infill`.

        Args:
          length: tokens to write; a masked language model has to be told.
          prompt: what a text begins with; may hold [MASK]s as well.
          samples: how many texts.
          options: see InfillOptions; with temperature 0 all samples are the same.
          batch_size: texts that run at once.

        Raises:
          UserError: the prompt and `length` tokens exceed the model's length, or an argument is
            wrong.
        """
        check_generation(length, samples)
        if length > self.max_length - 2:
            raise UserError(f"length must be at most {self.max_length - 2}, got {length}")
        texts = self.infill([masked_prompt(prompt, length)] * samples, options, batch_size)
        check_generated(texts[0], prompt, length, self.max_length)
        return texts
