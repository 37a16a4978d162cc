"""How long texts are in tokens, and what a maximum length cuts."""

import array
import heapq
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from keras_bert_cls.data_check.finding import Finding, Severity
from keras_bert_cls.data_check.split_rows import CheckedRow
from keras_bert_cls.text.token_estimate import estimated_tokens

if TYPE_CHECKING:
    from keras_bert_cls.text.tokenizer import Tokenizer

LENGTHS = (32, 64, 128, 256, 512)
PERCENTILES = (50, 90, 95, 99, 100)

_CHUNK = 1024
_MUCH_CUT = 0.05
_CUT_AT_MOST = 0.01  # by the length that the remedy names
_MUCH_UNKNOWN = 0.01


class TokenLengths:
    """Gathers the length of every row.

    Args:
      tokenizer: of the model; None estimates.
      max_length: of the config.
      examples: how many rows a finding shows.
    """

    def __init__(self, tokenizer: "Tokenizer | None", max_length: int, examples: int):
        self._tokenizer, self._max_length, self._examples = tokenizer, max_length, examples
        self._lengths: dict[str, array.array] = {}
        self._longest: list[tuple[int, str]] = []
        self._waiting: list[CheckedRow] = []
        self._tokens: dict[str, int] = {}
        self._unknown: dict[str, int] = {}
        self._without_tokens: dict[str, list[str]] = {}

    @property
    def is_estimate(self) -> bool:
        """Whether no tokenizer was given."""
        return self._tokenizer is None

    def add(self, checked: CheckedRow) -> None:
        """Notes a row; rows of a split come one after the other."""
        if self._waiting and self._waiting[0].split != checked.split:
            self.flush()
        self._waiting.append(checked)
        if len(self._waiting) == _CHUNK:
            self.flush()

    def flush(self) -> None:
        """Tokenizes the rows that wait for it; to be called after the last."""
        rows, self._waiting = self._waiting, []
        if not rows:
            return
        split, segments = rows[0].split, len(rows[0].texts)
        counts = np.zeros(len(rows), np.int64)
        for column in range(segments):
            texts = [checked.texts[column] for checked in rows]
            own = self._count(split, texts)
            self._without_tokens.setdefault(split, []).extend(
                checked.row.where for checked, count in zip(rows, own, strict=True) if not count
            )
            counts += own
        lengths = (counts + segments + 1).tolist()
        self._lengths.setdefault(split, array.array("i")).extend(lengths)
        cut = [
            (length, checked.row.where)
            for length, checked in zip(lengths, rows, strict=True)
            if length > self._max_length
        ]
        self._longest = heapq.nlargest(self._examples, self._longest + cut, key=itemgetter(0))

    def lengths(self, split: str) -> np.ndarray:
        """Returns int32 [rows]: tokens of the rows of a split, [CLS] and [SEP] included."""
        return np.array(self._lengths.get(split, ()), np.int32)

    def percentiles(self, split: str) -> dict[str, int]:
        """Returns the lengths that so many percent of the rows do not exceed."""
        values = np.percentile(self.lengths(split), PERCENTILES, method="inverted_cdf")
        return {str(percent): int(v) for percent, v in zip(PERCENTILES, values, strict=True)}

    def cut(self, split: str) -> dict[str, float]:
        """Returns the share of rows that each of LENGTHS and the config's own would cut."""
        lengths = self.lengths(split)
        tried = sorted({*LENGTHS, self._max_length})
        return {str(length): float((lengths > length).mean()) for length in tried}

    def findings(self) -> list[Finding]:
        """Returns what is cut, what no token is left of, and unknown tokens."""
        found = self._truncation() if self._lengths else []
        for split in self._lengths:
            found += self._unknown_tokens(split)
            if places := self._without_tokens[split]:
                found.append(
                    Finding(
                        Severity.WARNING,
                        "no tokens",
                        "the tokenizer leaves nothing of a text",
                        split,
                        len(places),
                        len(places) / len(self._lengths[split]),
                        tuple(places[: self._examples]),
                        "take such rows out",
                    )
                )
        return found

    def _count(self, split: str, texts: list[str]) -> np.ndarray:
        if self._tokenizer is None:
            return np.array([estimated_tokens(text.encode()) or 1 for text in texts])
        tokens = self._tokenizer.tokenize(texts)
        values = tokens.flat_values.numpy()
        unknown = int((values == self._tokenizer.vocabulary.unk_id).sum())
        self._unknown[split] = self._unknown.get(split, 0) + unknown
        self._tokens[split] = self._tokens.get(split, 0) + len(values)
        return tokens.row_lengths().numpy()

    def _truncation(self) -> list[Finding]:
        lengths = np.concatenate([self.lengths(split) for split in self._lengths])
        is_cut = lengths > self._max_length
        if not is_cut.any():
            return []
        needed = int(np.percentile(lengths, 100 * (1 - _CUT_AT_MOST), method="inverted_cdf"))
        longer = min(-(-needed // 8) * 8, max(LENGTHS))
        remedy = "the ends of few texts are lost, as is usual"
        if longer > self._max_length:
            remedy = f"--config.data.max_length={longer} cuts {(lengths > longer).mean():.1%}"
        about = " (estimated: no vocabulary was given)" if self.is_estimate else ""
        halved = int((lengths > 2 * self._max_length).sum())
        return [
            Finding(
                Severity.WARNING if is_cut.mean() > _MUCH_CUT else Severity.NOTE,
                "truncation",
                f"max_length={self._max_length} cuts rows, {halved:,} to less than half{about}",
                "",
                int(is_cut.sum()),
                float(is_cut.mean()),
                tuple(f"{where}: {n:,} tokens" for n, where in self._longest),
                remedy,
            )
        ]

    def _unknown_tokens(self, split: str) -> list[Finding]:
        share = self._unknown.get(split, 0) / max(self._tokens.get(split, 0), 1)
        if share <= _MUCH_UNKNOWN:
            return []
        message = f"{share:.1%} of the tokens are [UNK]"
        remedy = "does the vocabulary suit the language, and lowercase the vocabulary?"
        return [Finding(Severity.WARNING, "unknown tokens", message, split, remedy=remedy)]
