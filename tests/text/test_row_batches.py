"""Which rows of texts run together."""

import itertools

import hypothesis
import pytest
from hypothesis import strategies

from keras_bert_cls.text.row_batches import batch_parts, row_batches
from keras_bert_cls.text.token_estimate import estimated_tokens

TEXTS = [*["short"] * 4, *["word" * 1000] * 2, "word" * 5000, "short", "word" * 9000]
ROWS = strategies.lists(
    strategies.tuples(strategies.text("a 看", max_size=300).map(str.encode)), min_size=1
)


@pytest.mark.parametrize(("max_length", "sizes"), [(512, [4, 4, 1]), (5000, [4, 2, 1, 1, 1])])
def test_fewer_long_texts_run_at_once(max_length, sizes):
    rows = [(text.encode(),) for text in TEXTS]
    batches = list(row_batches(rows, 4, max_length))
    assert [len(batch) for batch in batches] == sizes
    assert list(itertools.chain(*batches)) == rows


@hypothesis.given(ROWS, strategies.integers(1, 9))
def test_parts_are_of_about_equal_work(rows, count):
    parts = batch_parts(rows, count, 512)
    assert list(itertools.chain(*parts)) == rows
    assert 1 <= len(parts) <= count and all(parts)
    work = [sum(2 + estimated_tokens(text) for (text,) in part) for part in parts]
    longest = max(2 + estimated_tokens(text) for (text,) in rows)
    assert max(work) <= sum(work) / len(parts) + longest


@pytest.mark.parametrize(
    ("texts", "sizes"),
    [
        (["short"] * 8, [8]),  # 24 tokens
        (["word" * 30] * 8, [4, 4]),
        (["word" * 400], [1]),
        (["word" * 400, *["word" * 200] * 2], [1, 2]),
        (["word" * 900, "word" * 5000], [1, 1]),  # both are cut
    ],
)
def test_parts_of_two_threads(texts, sizes):
    parts = batch_parts([(text.encode(),) for text in texts], 2, 512)
    assert [len(part) for part in parts] == sizes
