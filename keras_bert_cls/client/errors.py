"""What the client raises when a server refuses or does not answer."""

import grpc

from keras_bert_cls.errors import UserError


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
        super().__init__(f"{method} on {target}: {code.name}: {details}{_advice(code)}")


def _advice(code: grpc.StatusCode) -> str:
    if code is grpc.StatusCode.UNAVAILABLE:
        return " Is the server running, and is this the address of its gRPC port?"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return " Give the client a longer timeout, or send fewer texts at a time (batch_size)."
    return ""
