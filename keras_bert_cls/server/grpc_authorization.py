"""The bearer token in gRPC's metadata."""

from collections.abc import Awaitable, Callable

import grpc
from grpc_health.v1 import health

from keras_bert_cls.server.security import BearerToken

_HEALTH_METHODS = f"/{health.SERVICE_NAME}/"


class RequireToken(grpc.aio.ServerInterceptor):
    """Refuses calls whose metadata `authorization` is not `Bearer TOKEN`.

    Health checks need no token: probes of Kubernetes and of load balancers cannot send one.
    """

    def __init__(self, token: BearerToken):
        self._token = token

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """Lets the call through, or answers UNAUTHENTICATED."""
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith(_HEALTH_METHODS):
            return handler
        metadata = dict(handler_call_details.invocation_metadata or ())
        if self._token.accepts(metadata.get("authorization")):
            return handler
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(_refuse_stream)
        return grpc.unary_unary_rpc_method_handler(_refuse)


async def _refuse(_: object, context: grpc.aio.ServicerContext) -> None:
    await context.abort(
        grpc.StatusCode.UNAUTHENTICATED, "The request's authorization is missing or wrong"
    )


async def _refuse_stream(requests: object, context: grpc.aio.ServicerContext) -> None:
    await _refuse(requests, context)
