"""Which rows of texts run together."""

import itertools
from collections.abc import Iterable, Iterator

from keras_bert_cls.text.token_estimate import BERT_TOKENS, estimated_tokens

Row = tuple[bytes, ...]
_PART_TOKENS = 64  # Fewer than about that many are not worth a thread of their own.


def row_batches(rows: Iterable[Row], batch_size: int, max_length: int) -> Iterator[list[Row]]:
    """Yields rows that run at once.

    Of documents these are fewer, so that they take no more memory than other texts.

    Args:
      rows: of one text or several, in UTF-8.
      batch_size: rows of a batch at most.
      max_length: tokens to which the model cuts a row.
    """
    batch: list[Row] = []
    longest = 0
    for row in rows:
        length = _length(row, max_length)
        if batch and (len(batch) + 1) * max(longest, length) > batch_size * BERT_TOKENS:
            yield batch
            batch, longest = [], 0
        batch.append(row)
        longest = max(longest, length)
        if len(batch) == batch_size:
            yield batch
            batch, longest = [], 0
    if batch:
        yield batch


def batch_parts(batch: list[Row], parts: int, max_length: int) -> list[list[Row]]:
    """Cuts a batch into parts of about equal work, in order.

    Ops of a few hundred tokens gain little from a second thread, and the small ones lose: several
    calls at once use the CPUs better than one.

    Args:
      batch: at least one row.
      parts: how many at most; of short texts there are fewer, and none is empty.
      max_length: tokens to which the model cuts a row.
    """
    ends = list(itertools.accumulate(_length(row, max_length) for row in batch))
    parts = max(1, min(parts, len(batch), ends[-1] // _PART_TOKENS))
    cut: dict[int, list[Row]] = {}
    for row, end in zip(batch, ends, strict=True):
        cut.setdefault((end - 1) * parts // ends[-1], []).append(row)
    return list(cut.values())


def _length(row: Row, max_length: int) -> int:
    """Estimates a row's tokens, [CLS] and [SEP] among them."""
    return min(2 + sum(map(estimated_tokens, row)), max_length)
