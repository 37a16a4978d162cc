import pytest

from keras_bert_cls.text.token_estimate import estimated_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("abc", 0),
        ("abcd" * 5, 5),
        ("好吃的菜", 4),
        ("好abcd", 2),
        ("🙂", 1),
        ("é" * 8, 4),
    ],
)
def test_estimated_tokens(text, tokens):
    assert estimated_tokens(text.encode()) == tokens


def test_bytes_that_are_no_text():
    assert estimated_tokens(b"\xff" * 40) == 10
    assert estimated_tokens(b"\xe4" * 40) == 40
