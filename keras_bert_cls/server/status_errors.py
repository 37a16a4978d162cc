"""The errors that requests are answered with: TensorFlow Serving's status codes and messages."""

import grpc

_MESSAGE_LIMIT = 1024  # bytes; TensorFlow Serving cuts there as well
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class ServingError(Exception):
    """A request, or the loading of a version, failed in a way that the caller is told about.

    Attributes:
      code: the status of the answer.
      message: what the answer says, cut like TensorFlow Serving's. It names no path and holds no
        stack trace: those go to the log.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code
        self.message = _cut(message)


def invalid_argument(message: str) -> ServingError:
    """The request is wrong whatever the state of the server."""
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, message)


def failed_precondition(message: str) -> ServingError:
    """The model does not offer what the request asks for."""
    return ServingError(grpc.StatusCode.FAILED_PRECONDITION, message)


def not_found(message: str) -> ServingError:
    """No such model or version."""
    return ServingError(grpc.StatusCode.NOT_FOUND, message)


def status_code(number: int) -> grpc.StatusCode:
    """Returns the status for a canonical error code, such as that of `tf.errors.OpError`."""
    return _CODES.get(number, grpc.StatusCode.UNKNOWN)


def _cut(message: str) -> str:
    encoded = message.encode("utf-8", "replace")
    if len(encoded) <= _MESSAGE_LIMIT:
        return encoded.decode("utf-8")
    return encoded[:_MESSAGE_LIMIT].decode("utf-8", "ignore") + "...TRUNCATED"
