import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.server.status_errors import ServingError, status_code


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=500).map(lambda text: text * 5))
def test_messages_are_cut_at_1024_bytes(text):
    message = ServingError(grpc.StatusCode.INTERNAL, text).message
    encoded = text.encode("utf-8")
    if len(encoded) <= 1024:
        assert message == text
    else:
        kept = message.removesuffix("...TRUNCATED")
        assert kept != message
        assert text.startswith(kept)
        assert 1021 <= len(kept.encode("utf-8")) <= 1024


def test_lone_surrogates_do_not_stop_the_answer():
    assert ServingError(grpc.StatusCode.INTERNAL, "a\ud800b").message == "a?b"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (0, grpc.StatusCode.OK),
        (3, grpc.StatusCode.INVALID_ARGUMENT),
        (15, grpc.StatusCode.DATA_LOSS),
        (99, grpc.StatusCode.UNKNOWN),
    ],
)
def test_status_code(number, code):
    assert status_code(number) is code
