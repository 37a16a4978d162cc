"""Rows that a store leaves out, such as training rows that are test rows too."""

from collections.abc import Callable, Collection, Iterable, Iterator

from keras_bert_cls.data.rows import Row


def without_left_out(
    rows: Iterable[Row],
    leave_out: Collection[bytes],
    key_of: Callable[[Row], bytes],
    description: dict,
) -> Iterator[Row]:
    """Yields the rows whose key is not in `leave_out`; counts the others as `left_out`."""
    for row in rows:
        if leave_out and key_of(row) in leave_out:
            description["left_out"] += 1
        else:
            yield row
