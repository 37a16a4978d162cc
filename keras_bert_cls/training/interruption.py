"""What may end a run before its end: a request to stop, and the loss of another worker."""

import contextlib
import re
import signal
import threading
from collections.abc import Iterator

import tensorflow as tf

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.run_options import PEER_LOST, PREEMPTED

_PEER_ERRORS = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)
_REASON = re.compile(r"aborted by: (.{1,300})")


class PreemptedError(UserError):
    """The run was asked to stop, and saved its state."""

    exit_code = PREEMPTED


class PeerLostError(UserError):
    """Another worker does not answer any more."""

    exit_code = PEER_LOST


class StopRequest:
    """Whether the process got SIGTERM, as before a machine is taken away."""

    def __init__(self):
        self.received = False

    @contextlib.contextmanager
    def listening(self) -> Iterator["StopRequest"]:
        """Takes SIGTERM while the body runs; a second one ends the process as usual.

        Only the main thread can; in another one nothing is taken.
        """
        if threading.current_thread() is not threading.main_thread():
            yield self
            return

        def receive(*_) -> None:
            self.received = True
            signal.signal(signal.SIGTERM, before)

        before = signal.signal(signal.SIGTERM, receive)
        try:
            yield self
        finally:
            signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def peers_watched(count: int) -> Iterator[None]:
    """Raises PeerLostError where TensorFlow fails because one of `count` workers went away."""
    try:
        yield
    except _PEER_ERRORS as error:
        if count == 1:
            raise
        reason = _REASON.search(str(error))
        raise PeerLostError(
            f"another worker stopped, or can't be reached: {reason[1] if reason else error}. Start "
            "the same command on all workers again to resume; bertcls-launch does so by itself."
        ) from error
