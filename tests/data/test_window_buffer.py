"""Batches that come in any order."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.data.window_buffer import WindowBuffer

PLACES = 3


def buffer_of_three():
    return WindowBuffer(lambda window: PLACES)


def put_window(buffer, window, places=range(PLACES)):
    for place in places:
        buffer.put(window, place, f"{window}.{place}")


@settings(max_examples=50, deadline=None)
@given(st.permutations(list(itertools.product(range(3), range(PLACES)))))
def test_batches_come_out_in_order(arrivals):
    buffer = buffer_of_three()
    wanted = itertools.product(range(3), range(PLACES))
    window, place = next(wanted)
    taken = []
    for arrived in arrivals:
        buffer.put(*arrived, arrived)
        while (batch := buffer.take(window, place)) is not None:
            taken.append(batch)
            window, place = next(wanted, (3, 0))
    assert taken == sorted(arrivals)


def test_a_window_is_lost_when_four_others_went_past():
    buffer = buffer_of_three()
    put_window(buffer, 1)
    put_window(buffer, 0, [0])
    put_window(buffer, 2, [0, 1])
    for window in (3, 4, 5):
        put_window(buffer, window)
    assert not buffer.is_lost(0)  # window 1 was there before, window 2 is not complete
    put_window(buffer, 2, [2])
    assert buffer.is_lost(0)
    put_window(buffer, 0, [1])
    assert not buffer.is_lost(0)  # its worker was only slow
    assert buffer.take(0, 1) == "0.1"


def test_a_window_that_never_began_is_lost():
    buffer = buffer_of_three()
    for window in (1, 2, 3):
        put_window(buffer, window)
    assert not buffer.is_lost(0)
    put_window(buffer, 4)
    assert buffer.is_lost(0)


def test_windows_that_are_passed_take_no_memory():
    buffer = buffer_of_three()
    put_window(buffer, 0)
    put_window(buffer, 1)
    buffer.drop(0)
    put_window(buffer, 0)
    assert buffer.take(1, 2) == "1.2"
    assert buffer._windows.keys() == buffer._begun.keys() == buffer._heard_of.keys() == {1}


def test_too_many_windows_are_not_waited_for():
    buffer = buffer_of_three()
    for window in range(1, 40):
        put_window(buffer, window, [0])
        put_window(buffer, 0, [window])
    assert buffer.is_lost(0)
