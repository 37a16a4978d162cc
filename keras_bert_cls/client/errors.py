"""What the client raises when a server refuses or does not answer."""

import grpc

from keras_bert_cls.errors import UserError

_ADVICE = {
    grpc.StatusCode.UNAVAILABLE: (
        " Is the server running, is this the address of its gRPC port, and do both sides use TLS "
        "or neither?"
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        " Give the client a longer timeout, or send fewer texts at a time (batch_size)."
    ),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (
        " The server has more to do than it takes on: ask less at a time (parallel_requests, "
        "batch_size)."
    ),
    grpc.StatusCode.UNAUTHENTICATED: " Give the client the server's bearer_token.",
}


class ServerError(UserError):
    """A call failed.

    A UserError, so that the programs print it without a traceback.

    Attributes:
      code: the status, such as `grpc.StatusCode.NOT_FOUND`.
      details: what the server, or gRPC in its place, said.
    """

    def __init__(self, target: str, method: str, code: grpc.StatusCode, details: str):
        self.code = code
        self.details = details
        super().__init__(f"{method} on {target}: {code.name}: {details}{_ADVICE.get(code, '')}")
