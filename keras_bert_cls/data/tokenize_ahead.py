"""Tokenizes many texts at a time, beside the reading of the next ones."""

import concurrent.futures
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import tensorflow as tf

from keras_bert_cls.text.tokenizer import Tokenizer

_Item = TypeVar("_Item")
_Tokenized = tuple[list[_Item], list[tf.RaggedTensor]]


def tokenize_ahead(
    items: Iterable[_Item],
    columns_of: Callable[[list[_Item]], list[list[str]]],
    tokenizer: Tokenizer,
    size: int,
) -> Iterator[_Tokenized]:
    """Yields chunks of items with the token ids of their texts, in order.

    A thread tokenizes a chunk while the caller reads the next: three are in memory at a time.

    Args:
      items: what the texts are in.
      columns_of: returns one or several columns of texts for a chunk.
      tokenizer: turns texts into token ids.
      size: items of a chunk; the last one may have fewer.
    """
    # One op, so that the thread seldom waits for Python; only many texts are worth its tracing.
    signature = [tf.TensorSpec([None], tf.string)]
    whole = tf.function(tokenizer.tokenize, input_signature=signature, autograph=False)

    def tokenized(chunk: list[_Item]) -> _Tokenized:
        tokenize = whole if len(chunk) == size else tokenizer.tokenize
        return chunk, [tokenize(tf.constant(texts, tf.string)) for texts in columns_of(chunk)]

    source = iter(items)
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        computed: concurrent.futures.Future[_Tokenized] | None = None
        while chunk := list(itertools.islice(source, size)):
            before, computed = computed, thread.submit(tokenized, chunk)
            if before is not None:
                yield before.result()
        if computed is not None:
            yield computed.result()
