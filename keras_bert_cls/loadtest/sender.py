"""Sends the requests of one process and notes what became of each."""

import asyncio
import dataclasses
import selectors
import time
from collections.abc import Callable
from typing import Any

import grpc

from keras_bert_cls.loadtest.load import ClosedLoop, Load, OpenLoop, Period, Question
from keras_bert_cls.loadtest.request_mix import RequestMix

_METHOD = "/tensorflow.serving.PredictionService/Predict"
_CONNECTIONS = 8  # of an open loop's process


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """What became of a request. Times are seconds since the load began.

    Attributes:
      intended: when it was to be sent.
      sent: when it was sent.
      finished: when the answer, or the error, was there.
      code: "OK" or the name of another status.
      tokens: of its texts, roughly.
    """

    intended: float
    sent: float
    finished: float
    code: str
    tokens: int


@dataclasses.dataclass(frozen=True)
class Share:
    """What one process sends.

    Attributes:
      question: what is asked.
      load: how often, by this process.
      period: how long.
      stream: names the sequence of draws.
    """

    question: Question
    load: Load
    period: Period
    stream: str


@dataclasses.dataclass(frozen=True)
class SentShare:
    """What became of a Share.

    Attributes:
      samples: of all requests, those of the warm-up too.
      cpu_seconds: that the process used meanwhile.
      seconds: from the first request to the last answer.
    """

    samples: list[Sample]
    cpu_seconds: float
    seconds: float


def send_share(share: Share) -> SentShare:
    """Sends a share's requests; returns when the last is answered."""
    start, cpu_start = time.monotonic(), time.process_time()
    # epoll wakes up at full milliseconds only, too coarse for arrival times; select does better.
    with asyncio.Runner(
        loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())
    ) as runner:
        samples = runner.run(_Sender(share).run())
    return SentShare(samples, time.process_time() - cpu_start, time.monotonic() - start)


class _Sender:
    def __init__(self, share: Share):
        self._share = share
        self._mix = RequestMix(share.question, share.stream)
        self._samples: list[Sample] = []
        self._start = 0.0

    async def run(self) -> list[Sample]:
        load = self._share.load
        count = load.concurrency if isinstance(load, ClosedLoop) else _CONNECTIONS
        endpoint = self._share.question.endpoint
        channels = [endpoint.channel(grpc.aio, retries=False) for _ in range(count)]
        methods = [channel.unary_unary(_METHOD) for channel in channels]
        self._start = time.monotonic()
        try:
            if isinstance(load, ClosedLoop):
                await asyncio.gather(*(self._ask_on(method) for method in methods))
            else:
                await self._ask_at_random_times(load, methods)
        finally:
            for channel in channels:
                await channel.close()
        return self._samples

    async def _ask_on(self, method: Callable[..., Any]) -> None:
        while (now := self._now()) < self._end:
            await self._ask(method, now)

    async def _ask_at_random_times(self, load: OpenLoop, methods: list[Callable[..., Any]]) -> None:
        under_way: set[asyncio.Task[None]] = set()
        intended, number = self._mix.seconds_to_next(load.rate), 0
        while intended < self._end:
            await asyncio.sleep(intended - self._now())
            task = asyncio.create_task(self._ask(methods[number % len(methods)], intended))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            intended += self._mix.seconds_to_next(load.rate)
            number += 1
        await asyncio.gather(*under_way)

    async def _ask(self, method: Callable[..., Any], intended: float) -> None:
        request = self._mix.draw()
        question = self._share.question
        sent = self._now()
        try:
            await method(
                request.content, timeout=question.timeout, metadata=question.endpoint.metadata
            )
            code = grpc.StatusCode.OK
        except grpc.aio.AioRpcError as error:
            code = error.code()
        self._samples.append(Sample(intended, sent, self._now(), code.name, request.tokens))

    @property
    def _end(self) -> float:
        return self._share.period.warmup_seconds + self._share.period.seconds

    def _now(self) -> float:
        return time.monotonic() - self._start
