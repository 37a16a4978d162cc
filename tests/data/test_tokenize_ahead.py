"""Tokenizing beside reading changes neither tokens nor order, and hides no error."""

import pytest
from small_vocabulary import VOCABULARY

from keras_bert_cls.data.tokenize_ahead import tokenize_ahead
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.tokenizer import Tokenizer

TOKENIZER = Tokenizer(VOCABULARY)


@pytest.mark.parametrize("count", [0, 1, 3, 7, 9])
def test_chunks_in_order(count):
    items = [(f"the movie {'a ' * number}", "playing" * (number % 2)) for number in range(count)]
    chunks = list(tokenize_ahead(iter(items), lambda c: list(zip(*c, strict=True)), TOKENIZER, 3))
    assert [len(chunk) for chunk, _ in chunks] == [3] * (count // 3) + [count % 3] * (count % 3 > 0)
    assert [item for chunk, _ in chunks for item in chunk] == items
    for column in range(2):
        found = [ids for _, columns in chunks for ids in columns[column].to_list()]
        texts = [item[column] for item in items]
        assert found == [TOKENIZER.tokenize([text]).to_list()[0] for text in texts]


def test_an_error_of_the_items_is_the_callers():
    def items():
        yield from ["a", "b", "c"]
        raise UserError("a.txt:4: no")

    with pytest.raises(UserError, match=r"a\.txt:4"):
        list(tokenize_ahead(items(), lambda chunk: [chunk], TOKENIZER, 2))


def test_whoever_stops_early_leaves_no_thread_waiting():
    chunks = tokenize_ahead(iter("abcabc"), lambda chunk: [chunk], TOKENIZER, 2)
    assert next(chunks)[0] == ["a", "b"]
    chunks.close()
    with pytest.raises(StopIteration):
        next(chunks)
