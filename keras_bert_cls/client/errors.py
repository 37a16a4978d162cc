"""What the client raises when a server refuses or does not answer."""

import grpc

from keras_bert_cls.errors import UserError

_IS_IT_THERE = (
    " Is the server running, is this the address of its gRPC port, and do both sides use TLS or "
    "neither?"
)
# In place of the advice for DEADLINE_EXCEEDED if there was no connection.
NO_CONNECTION = f" Nothing answers there: no connection could be made.{_IS_IT_THERE}"
_ADVICE = {
    grpc.StatusCode.UNAVAILABLE: _IS_IT_THERE,
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        " Give the client a longer timeout, or send fewer texts at a time."
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        " The server has more to do than it takes on: send fewer texts at a time."
    ),
    grpc.StatusCode.UNAUTHENTICATED: " Give the client the server's bearer_token.",
}


class ServerError(UserError):
    """A call failed.

    A UserError, so that the programs print it without a traceback.

    Args:
      target: "host:port".
      method: what was called.
      code, details: see the attributes.
      advice: what may be done about it; None is what goes with the code.

    Attributes:
      code: the status, such as `grpc.StatusCode.NOT_FOUND`.
      details: what the server, or gRPC in its place, said.
    """

    def __init__(
        self,
        target: str,
        method: str,
        code: grpc.StatusCode,
        details: str,
        advice: str | None = None,
    ):
        self.code = code
        self.details = details
        self._refusal = (target, method, code, details)
        if advice is None:
            advice = _ADVICE.get(code, "")
        end = "." if advice and details and details[-1] not in ".!?" else ""
        super().__init__(f"{method} on {target}: {code.name}: {details}{end}{advice}")

    def with_advice(self, advice: str) -> "ServerError":
        """Returns the same error with other advice."""
        return ServerError(*self._refusal, advice)
