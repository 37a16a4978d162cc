"""A gRPC server that speaks TensorFlow Serving's protocol and fails when it is told to."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent import futures

import grpc

from keras_bert_cls.client.schema import MESSAGES


class FakeServing(grpc.GenericRpcHandler):
    """Has a model that says of each text that its label is the text itself.

    Args:
      failures: statuses that the first calls get instead of an answer; None answers.

    Attributes:
      requests: the messages that came, in order.
      metadata: what came beside the last of them.
      arrived: is set when a call comes.
      may_answer: calls are answered when this is set, as it is at first.
    """

    def __init__(self, failures=()):
        self.requests = []
        self.metadata = {}
        self.arrived = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self._failures = list(failures)
        self._lock = threading.Lock()

    def service(self, handler_call_details):
        method = handler_call_details.method.rpartition("/")[2]
        answer = {
            "Predict": self._predict,
            "GetModelMetadata": self._metadata,
            "GetModelStatus": self._status,
        }[method]
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._answer(answer, request, context),
            request_deserializer=MESSAGES[f"{method}Request"].FromString,
            response_serializer=lambda response: response.SerializeToString(),
        )

    def _answer(self, answer, request, context):
        with self._lock:
            self.requests.append(request)
            self.metadata = dict(context.invocation_metadata())
            failure = self._failures.pop(0) if self._failures else None
        self.arrived.set()
        self.may_answer.wait()
        if failure is not None:
            context.abort(failure, "not now")
        return answer(request)

    def _predict(self, request):
        texts = request.inputs["text"].string_val
        response = MESSAGES["PredictResponse"]()
        response.outputs["label"].string_val.extend(texts)
        response.outputs["score"].float_val.extend([1.0] * len(texts))
        return response

    def _metadata(self, _):
        signatures = MESSAGES["SignatureDefMap"]()
        text = signatures.signature_def["serving_default"].inputs["text"]
        text.dtype = 7
        text.tensor_shape.dim.add(size=-1)
        response = MESSAGES["GetModelMetadataResponse"]()
        response.metadata["signature_def"].value = signatures.SerializeToString()
        return response

    def _status(self, _):
        response = MESSAGES["GetModelStatusResponse"]()
        response.model_version_status.add(version=1, state=30)
        return response


@contextlib.contextmanager
def fake_serving(
    service: FakeServing, port: int = 0, credentials: grpc.ServerCredentials | None = None
) -> Iterator[str]:
    """Runs a server of `service`; gives its address on 127.0.0.1."""
    server = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((service,))
    address = f"127.0.0.1:{port}"
    if credentials is None:
        bound = server.add_insecure_port(address)
    else:
        bound = server.add_secure_port(address, credentials)
    server.start()
    try:
        yield f"127.0.0.1:{bound}"
    finally:
        stopped = server.stop(None)
        service.may_answer.set()
        stopped.wait()
