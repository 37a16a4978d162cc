import numpy as np
import pytest

from keras_bert_cls.server.text_cost import cost_of


def strings(*texts):
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


@pytest.mark.parametrize(
    ("texts", "length_class"),
    [
        ([], 16),
        ([b""], 16),
        ([b"a short text"], 16),
        ([b"a" * 67], 16),
        ([b"a" * 68], 32),
        (["好".encode() * 16], 16),
        (["好".encode() * 17], 32),
        (["好".encode() * 30, b"a"], 32),
        (["😡".encode() * 33], 64),
        ([b"a" * 100_000], 512),
        ([b"\xff" * 40], 16),
    ],
)
def test_length_class(texts, length_class):
    cost = cost_of({"text": strings(*texts)}, len(texts), max_tokens=512)
    assert cost.length_class == length_class
    assert cost.tokens == length_class * max(1, len(texts))
    assert cost.largest_text == max(map(len, texts), default=0)


def test_all_inputs_count():
    cost = cost_of({"text": strings(b"a"), "text_pair": strings(b"a" * 1000)}, 1, 512)
    assert (cost.length_class, cost.largest_text) == (256, 1000)


def test_numbers_cost_by_rows():
    cost = cost_of({"ids": np.zeros([3, 500], np.int32)}, 3, 512)
    assert (cost.length_class, cost.tokens, cost.largest_text) == (16, 48, 0)
