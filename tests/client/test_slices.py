"""How long lists become requests."""

import itertools
import threading

from fake_serving import FakeServing, fake_serving
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.client import Client
from keras_bert_cls.client.slices import RequestLimits, slices


@given(
    lengths=st.lists(st.integers(0, 3000), max_size=40),
    limits=st.builds(
        RequestLimits, st.integers(1, 20), st.integers(1, 4000), st.integers(1, 10_000)
    ),
)
@settings(max_examples=50, deadline=None)
def test_every_row_is_in_one_request_within_the_limits(lengths, limits):
    texts = [b"x" * length for length in lengths]
    parts = slices({"text": texts}, limits)
    assert sorted(row for rows in parts for row in rows) == list(range(len(texts)))
    for rows in parts:
        longest = max(lengths[row] // 4 + 1 for row in rows)
        assert 1 <= len(rows) <= limits.rows
        assert len(rows) == 1 or len(rows) * longest <= limits.tokens
        assert len(rows) == 1 or sum(lengths[row] for row in rows) <= limits.bytes


@given(lengths=st.lists(st.integers(0, 3000), max_size=40))
@settings(max_examples=50, deadline=None)
def test_no_request_could_take_the_next_row(lengths):
    limits = RequestLimits(8, 1000, 5000)
    parts = slices({"text": [b"x" * length for length in lengths]}, limits)
    for rows, (following, *_) in itertools.pairwise(parts):
        one_more = [lengths[row] for row in (*rows, following)]
        tokens = len(one_more) * (max(one_more) // 4 + 1)
        assert len(one_more) > 8 or tokens > 1000 or sum(one_more) > 5000


def test_both_texts_of_a_pair_count():
    pairs = {"text": [b"x" * 400] * 3, "text_pair": [b"x" * 400] * 3}
    assert len(slices(pairs, RequestLimits(32, 700, 10**6))) == 1
    assert len(slices(pairs, RequestLimits(32, 600, 10**6))) == 2


def test_answers_keep_the_order_of_the_list():
    texts = [f"{index} " + "word " * (index * 37 % 50) for index in range(200)]
    service = FakeServing()
    with fake_serving(service) as address, Client(address, "m", batch_tokens=300) as client:
        assert [prediction.label for prediction in client.predict(texts)] == texts
    sizes = [len(request.inputs["text"].string_val) for request in service.requests]
    assert sum(sizes) == 200
    assert len(set(sizes)) > 3


def test_requests_of_a_list_are_under_way_together():
    service = FakeServing()
    service.may_answer.clear()

    def answer_when_three_wait():
        while len(service.requests) < 3:
            service.arrived.wait()
            service.arrived.clear()
        service.may_answer.set()

    with (
        fake_serving(service) as address,
        Client(address, "m", batch_size=1, parallel_requests=3, timeout=30) as client,
    ):
        thread = threading.Thread(target=answer_when_three_wait)
        thread.start()
        assert len(client.predict(["a"] * 9)) == 9
        thread.join()
