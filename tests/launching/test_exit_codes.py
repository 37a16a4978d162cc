"""What the exit codes of workers mean."""

import signal

import pytest

from keras_bert_cls.launching.exit_codes import as_status, decisive, describe


@pytest.mark.parametrize(
    ("codes", "decides"),
    [
        ([0, 0], 0),
        ([0, 42], 42),
        ([42, 75, 0], 75),
        ([75, -9, 42], -9),  # the cause, though it was seen after its consequence
        ([-9, 75], -9),
        ([3, -9], 3),
        ([-9, 3], -9),
        ([75, 139, 1], 1),
        ([2, 1], 2),
    ],
)
def test_the_cause_decides(codes, decides):
    assert decisive(codes) == decides


def test_signals_are_passed_on_as_shells_do():
    assert as_status(-signal.SIGKILL) == 137
    assert [as_status(code) for code in (0, 1, 42, 75)] == [0, 1, 42, 75]


def test_codes_are_put_in_words():
    assert describe(-signal.SIGSEGV) == "was killed by SIGSEGV"
    assert describe(-40) == "was killed by signal 40"
    assert describe(42) == "was asked to stop, and saved"
    assert describe(75) == "lost another worker"
    assert describe(3) == "ended with code 3"
