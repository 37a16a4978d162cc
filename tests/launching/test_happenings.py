"""Signals become happenings, and only while somebody waits for them."""

import os
import signal

import pytest

from keras_bert_cls.launching.happenings import (
    Happenings,
    StopRequested,
    WorkerExited,
    stop_signals_to,
)


@pytest.fixture
def hangup():
    """Lets a test set what SIGHUP does."""
    before = signal.getsignal(signal.SIGHUP)
    yield lambda handler: signal.signal(signal.SIGHUP, handler)
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_wakes_who_waits(number):
    happenings = Happenings()
    before = signal.getsignal(number)
    with stop_signals_to(happenings):
        os.kill(os.getpid(), number)
        assert happenings.next(None) == StopRequested(number)
    assert signal.getsignal(number) is before


def test_under_nohup_a_hangup_is_ignored(hangup):
    hangup(signal.SIG_IGN)
    happenings = Happenings()
    with stop_signals_to(happenings):
        os.kill(os.getpid(), signal.SIGHUP)
        assert happenings.next(0.0) is None
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_they_come_in_order():
    happenings = Happenings()
    exits = [WorkerExited(1, 0), WorkerExited(0, -9)]
    for exited in exits:
        happenings.put(exited)
    assert [happenings.next(None), happenings.next(None), happenings.next(0.0)] == [*exits, None]
