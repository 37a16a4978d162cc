"""What the exit codes of workers mean."""

import signal
from collections.abc import Sequence

from keras_bert_cls.training.run_options import PEER_LOST, PREEMPTED

USER_ERRORS = (1, 2)
"""A user error, a wrong command line: they would come again."""

_MEANINGS = {
    0: "is done",
    PREEMPTED: "was asked to stop, and saved",
    PEER_LOST: "lost another worker",
}


def describe(code: int) -> str:
    """Returns what the worker did, such as "was killed by SIGKILL"."""
    if code >= 0:
        return _MEANINGS.get(code, f"ended with code {code}")
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal
        return f"was killed by signal {-code}"


def as_status(code: int) -> int:
    """Returns the exit code with which a program passes on a worker's: 128 + N for signal N."""
    return code if code >= 0 else 128 - code


def decisive(codes: Sequence[int]) -> int:
    """Returns the code that says why a start of the workers ended.

    A user error decides, then what is nobody's consequence (a signal, an unknown code), then a lost
    worker, then a save that somebody asked for; 0 only if all are done. Among equals, the first.

    Args:
      codes: in the order in which the workers ended; at least one.
    """
    return min(codes, key=_rank)


def _rank(code: int) -> int:
    if code in USER_ERRORS:
        return 0
    return {PEER_LOST: 2, PREEMPTED: 3, 0: 4}.get(code, 1)
