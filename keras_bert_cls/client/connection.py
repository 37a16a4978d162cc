"""Carries exchanges to one server and back, over gRPC, for threads or for asyncio."""

import collections
import itertools
import time
from collections.abc import Iterable
from typing import Any, TypeVar

import grpc

from keras_bert_cls.client.calls import Call, Exchange, Outcome
from keras_bert_cls.client.endpoint import Endpoint
from keras_bert_cls.client.errors import NO_CONNECTION, ServerError
from keras_bert_cls.client.schema import MESSAGES

T = TypeVar("T")

# Method -> its service and the message of its answer.
METHODS = {
    "Predict": ("PredictionService", "PredictResponse"),
    "Classify": ("PredictionService", "ClassificationResponse"),
    "GetModelMetadata": ("PredictionService", "GetModelMetadataResponse"),
    "GetModelStatus": ("ModelService", "GetModelStatusResponse"),
}
_PROBE_SECONDS = 0.5
_NOT_CONNECTED = (
    grpc.ChannelConnectivity.CONNECTING,
    grpc.ChannelConnectivity.TRANSIENT_FAILURE,
)


class _Sender:
    """Begins calls on a channel of either kind.

    Args:
      endpoint: the server.
      kind: `grpc` or `grpc.aio`.
      timeout: seconds that a call may take, retries included.
      parallel_requests: calls of one exchange that are under way at a time.
    """

    def __init__(self, endpoint: Endpoint, kind: Any, timeout: float, parallel_requests: int):
        self._endpoint = endpoint
        self._timeout = timeout
        self._parallel_requests = parallel_requests
        self._channel = endpoint.channel(kind)

    def _method(self, call: Call) -> Any:
        service, answer = METHODS[call.method]
        return self._channel.unary_unary(
            f"/tensorflow.serving.{service}/{call.method}",
            request_serializer=type(call.request).SerializeToString,
            response_deserializer=MESSAGES[answer].FromString,
        )

    def _how(self, end: float | None) -> dict[str, Any]:
        """Returns the arguments of a call that must be answered at time `end`, if any."""
        left = self._timeout if end is None else min(self._timeout, end - time.monotonic())
        return {"timeout": max(left, 0.0), "metadata": self._endpoint.metadata}

    def _is_there(self) -> bool:
        """Says whether something listens at the address, as far as can be told."""
        raise NotImplementedError

    def _error(self, call: Call, error: Any) -> ServerError:
        code = error.code()
        timed_out = code is grpc.StatusCode.DEADLINE_EXCEEDED
        advice = NO_CONNECTION if timed_out and not self._is_there() else None
        details = error.details() or ""
        failure = ServerError(self._endpoint.target, call.method, code, details, advice)
        failure.__cause__ = error
        return failure


class Connection(_Sender):
    """A channel to a server; exchanges may be carried by several threads at a time."""

    def __init__(self, endpoint: Endpoint, timeout: float, parallel_requests: int):
        super().__init__(endpoint, grpc, timeout, parallel_requests)

    def carry(self, exchange: Exchange[T], timeout: float | None = None) -> T:
        """Sends the calls of `exchange` and returns its result.

        Args:
          exchange: see `exchanges`.
          timeout: seconds for all its calls together; None for no bound but each call's own.

        Raises:
          ServerError: a call failed.
          UserError: what is to be sent, or what came back, is wrong.
        """
        end = end_of(timeout)
        try:
            calls = next(exchange)
            while True:
                calls = exchange.send(self._outcome(calls, end))
        except StopIteration as stop:
            return stop.value

    def close(self) -> None:
        """Closes the channel; no call after this."""
        self._channel.close()

    def _outcome(self, calls: Iterable[Call], end: float | None) -> Outcome:
        some = iter(calls)
        first = list(itertools.islice(some, 2))
        if len(first) == 1:
            return self._outcome_of_one(first[0], end)
        under_way: collections.deque[tuple[Call, Any]] = collections.deque()
        answers = []
        try:
            for call in itertools.chain(first, some):
                if len(under_way) == self._parallel_requests:
                    answers.append(under_way[0][1].result())
                    under_way.popleft()
                method = self._method(call)
                under_way.append((call, method.future(call.request, **self._how(end))))
            while under_way:
                answers.append(under_way[0][1].result())
                under_way.popleft()
        except grpc.RpcError as error:
            return self._error(under_way[0][0], error)
        finally:
            for _, future in under_way:
                future.cancel()
        return answers

    def _is_there(self) -> bool:
        # A subscription to the channel's state would start a thread that can outlive the program.
        return self._endpoint.is_listening(_PROBE_SECONDS)

    def _outcome_of_one(self, call: Call, end: float | None) -> Outcome:
        """Makes a call in the calling thread, which is quicker than to wait for another."""
        try:
            return [self._method(call)(call.request, **self._how(end))]
        except grpc.RpcError as error:
            return self._error(call, error)


class AsyncConnection(_Sender):
    """A channel to a server for the coroutines of one event loop."""

    def __init__(self, endpoint: Endpoint, timeout: float, parallel_requests: int):
        super().__init__(endpoint, grpc.aio, timeout, parallel_requests)

    async def carry(self, exchange: Exchange[T], timeout: float | None = None) -> T:
        """Does what Connection.carry does."""
        end = end_of(timeout)
        try:
            calls = next(exchange)
            while True:
                calls = exchange.send(await self._outcome(calls, end))
        except StopIteration as stop:
            return stop.value

    async def close(self) -> None:
        """Closes the channel; no call after this."""
        await self._channel.close()

    def _is_there(self) -> bool:
        return self._channel.get_state() not in _NOT_CONNECTED

    async def _outcome(self, calls: Iterable[Call], end: float | None) -> Outcome:
        under_way: collections.deque[tuple[Call, Any]] = collections.deque()
        answers = []
        try:
            for call in calls:
                if len(under_way) == self._parallel_requests:
                    answers.append(await under_way[0][1])
                    under_way.popleft()
                method = self._method(call)
                under_way.append((call, method(call.request, **self._how(end))))
            while under_way:
                answers.append(await under_way[0][1])
                under_way.popleft()
        except grpc.RpcError as error:
            return self._error(under_way[0][0], error)
        finally:
            for _, pending in under_way:
                pending.cancel()
        return answers


def end_of(timeout: float | None) -> float | None:
    """Returns the time of `time.monotonic` at which `timeout` seconds from now are over."""
    return None if timeout is None else time.monotonic() + timeout
