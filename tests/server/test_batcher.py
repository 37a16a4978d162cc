"""The batcher alone: models are Python functions that wait until the test lets them go."""

import asyncio
import threading
import time

import grpc
import numpy as np
import pytest
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from keras_bert_cls.server.batcher import Batcher, BatchObserver
from keras_bert_cls.server.computation import Computation
from keras_bert_cls.server.request_queue import BatchLimits
from keras_bert_cls.server.signature import Signature
from keras_bert_cls.server.status_errors import ServingError, invalid_argument

SECONDS = 30


def signature(input_type=types_pb2.DT_STRING, output_shape=(-1,)):
    definition = meta_graph_pb2.SignatureDef()
    definition.inputs["text"].dtype = input_type
    definition.inputs["text"].tensor_shape.dim.add(size=-1)
    output = definition.outputs["length"]
    for size in output_shape:
        output.tensor_shape.dim.add(size=size)
    return Signature("serving_default", definition)


class FakeServable:
    """Gives the lengths of texts; "poison" fails the batch. Runs only while `gate` is open."""

    max_tokens = 512

    def __init__(self, *, is_open=True):
        self.gate = threading.Event()
        self.busy = threading.Semaphore(0)  # released whenever a run begins
        self.batches = []
        if is_open:
            self.gate.set()

    def run(self, _, inputs, outputs):
        texts = inputs["text"].tolist()
        self.batches.append(texts)
        self.busy.release()
        assert self.gate.wait(SECONDS)
        if b"poison" in texts:
            raise invalid_argument(f"poisoned among {len(texts)}")
        return {"length": np.array([len(text) for text in texts], np.int64)}


def computation(servable, texts, of=None):
    array = np.array(texts, object)
    return Computation(servable, of or signature(), {"text": array}, ("length",), len(texts))


def batcher(workers=1, observer=None, **limits):
    defaults = {
        "max_batch_size": 100,
        "max_batch_tokens": 10_000,
        "max_enqueued_batches": 100,
        "max_text_bytes": 10_000,
    }
    return Batcher(workers, BatchLimits(**{**defaults, **limits}), observer)


async def occupied(made, servable):
    """Starts a request that holds the only worker, and returns its task."""
    task = asyncio.create_task(made.run(computation(servable, [b"first"])))
    await asyncio.to_thread(servable.busy.acquire, timeout=SECONDS)
    return task


async def queued(made, computations, deadline=None):
    """Starts a request for each, and returns their tasks once all wait in the queue."""
    tasks = [asyncio.create_task(made.run(c, deadline)) for c in computations]
    await asyncio.sleep(0)  # every task runs up to its first wait
    return tasks


def test_requests_gather_while_the_worker_is_busy():
    async def body():
        servable, made = FakeServable(is_open=False), batcher()
        first = await occupied(made, servable)
        texts = [[b"a"], [b"bb", b"ccc"], [], [b"dddd"]]
        tasks = await queued(made, [computation(servable, t) for t in texts])
        servable.gate.set()
        answers = await asyncio.gather(first, *tasks)
        await made.close()
        assert servable.batches == [[b"first"], [b"a", b"bb", b"ccc", b"dddd"]]
        lengths = [answer["length"].tolist() for answer in answers]
        assert lengths == [[5], [1], [2, 3], [], [4]]

    asyncio.run(body())


def test_many_workers_answer_every_request():
    async def body():
        servable, made = FakeServable(), batcher(workers=3, max_batch_size=2)
        texts = [b"x" * (number % 40) for number in range(200)]
        answers = await asyncio.gather(*(made.run(computation(servable, [t])) for t in texts))
        await made.close()
        assert [answer["length"].tolist() for answer in answers] == [[len(t)] for t in texts]
        assert sum(len(batch) for batch in servable.batches) == len(texts)
        assert made.queued_rows == 0

    asyncio.run(body())


def test_a_request_that_comes_as_a_worker_goes_to_rest_is_answered():
    async def body():
        servable, made = FakeServable(), batcher()
        for number in range(500):  # one after the other, so that the worker just found no more
            answer = await made.run(computation(servable, [b"x" * number]))
            assert answer["length"].tolist() == [number]
        await made.close()

    asyncio.run(body())


def test_a_lone_request_does_not_wait():
    async def body():
        servable, made = FakeServable(), batcher()
        answer = await made.run(computation(servable, [b"abc"]))
        await made.close()
        assert answer["length"].tolist() == [3]

    asyncio.run(body())


def test_batches_keep_to_their_size():
    async def body():
        servable, made = FakeServable(is_open=False), batcher(max_batch_size=4)
        first = await occupied(made, servable)
        tasks = await queued(made, [computation(servable, [b"x"] * n) for n in (3, 2, 2, 1)])
        servable.gate.set()
        await asyncio.gather(first, *tasks)
        await made.close()
        assert [len(batch) for batch in servable.batches] == [1, 3, 4, 1]

    asyncio.run(body())


def test_a_poisoned_request_fails_alone():
    async def body():
        servable, made = FakeServable(is_open=False), batcher()
        first = await occupied(made, servable)
        texts = [[b"a"], [b"poison", b"b"], [b"cc"]]
        tasks = await queued(made, [computation(servable, t) for t in texts])
        servable.gate.set()
        answers = await asyncio.gather(first, *tasks, return_exceptions=True)
        await made.close()
        assert answers[1]["length"].tolist() == [1]
        assert answers[3]["length"].tolist() == [2]
        assert isinstance(answers[2], ServingError)
        assert answers[2].message == "poisoned among 2"  # of its own run, not of the batch's

    asyncio.run(body())


@pytest.mark.parametrize(
    "of",
    [
        signature(input_type=types_pb2.DT_INT32),
        signature(output_shape=(-1, -1)),
        signature(output_shape=(3,)),
        signature(output_shape=()),
    ],
)
def test_signatures_whose_rows_cannot_be_told_apart_run_alone(of):
    async def body():
        servable, made = FakeServable(is_open=False), batcher()
        first = await occupied(made, servable)
        tasks = await queued(made, [computation(servable, [b"a"], of) for _ in range(3)])
        servable.gate.set()
        await asyncio.gather(first, *tasks)
        await made.close()
        assert servable.batches == [[b"first"], [b"a"], [b"a"], [b"a"]]

    asyncio.run(body())


def test_versions_are_not_mixed():
    async def body():
        old, new, made = FakeServable(is_open=False), FakeServable(), batcher()
        first = await occupied(made, old)
        tasks = await queued(made, [computation(s, [b"a"]) for s in (old, new, old, new)])
        old.gate.set()
        await asyncio.gather(first, *tasks)
        await made.close()
        assert old.batches == [[b"first"], [b"a", b"a"]]
        assert new.batches == [[b"a", b"a"]]

    asyncio.run(body())


def test_a_deadline_that_passed_costs_no_work():
    async def body():
        servable, made = FakeServable(is_open=False), batcher()
        first = await occupied(made, servable)
        late = await queued(made, [computation(servable, [b"late"])], deadline=time.monotonic())
        early = await queued(
            made, [computation(servable, [b"early"])], deadline=time.monotonic() + SECONDS
        )
        servable.gate.set()
        answers = await asyncio.gather(first, *late, *early, return_exceptions=True)
        await made.close()
        assert answers[1].code == grpc.StatusCode.DEADLINE_EXCEEDED
        assert answers[2]["length"].tolist() == [5]
        assert servable.batches == [[b"first"], [b"early"]]

    asyncio.run(body())


def test_a_cancelled_request_leaves_the_queue():
    async def body():
        servable, made = (
            FakeServable(is_open=False),
            batcher(max_batch_size=2, max_enqueued_batches=1),
        )
        first = await occupied(made, servable)
        gone, stays = await queued(made, [computation(servable, [t]) for t in (b"gone", b"stays")])
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        (takes_its_place,) = await queued(made, [computation(servable, [b"next"])])
        servable.gate.set()
        await asyncio.gather(first, stays, takes_its_place)
        await made.close()
        assert servable.batches == [[b"first"], [b"stays", b"next"]]

    asyncio.run(body())


def test_cancelling_a_running_request_harms_nobody():
    async def body():
        servable, made = FakeServable(is_open=False), batcher()
        running = await occupied(made, servable)
        (waiting,) = await queued(made, [computation(servable, [b"waits"])])
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        servable.gate.set()
        assert (await waiting)["length"].tolist() == [5]
        await made.close()

    asyncio.run(body())


def test_a_full_queue_refuses():
    async def body():
        servable, made = (
            FakeServable(is_open=False),
            batcher(max_batch_size=2, max_enqueued_batches=1),
        )
        first = await occupied(made, servable)
        waiting = await queued(made, [computation(servable, t) for t in ([b"a"], [])])
        with pytest.raises(ServingError) as caught:
            await made.run(computation(servable, [b"too much"]))
        assert caught.value.code == grpc.StatusCode.RESOURCE_EXHAUSTED
        servable.gate.set()
        await asyncio.gather(first, *waiting)
        answer = await made.run(computation(servable, [b"now"]))  # there is room again
        await made.close()
        assert answer["length"].tolist() == [3]

    asyncio.run(body())


def test_a_request_above_the_batch_size_is_refused():
    async def body():
        servable, made = FakeServable(), batcher(max_batch_size=2)
        with pytest.raises(ServingError, match="Task size 3 is larger than maximum") as caught:
            await made.run(computation(servable, [b"a"] * 3))
        assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
        await made.close()

    asyncio.run(body())


def test_outputs_without_a_row_for_each_input_row_are_not_split():
    class Summing(FakeServable):
        def run(self, signature, inputs, outputs):
            lengths = super().run(signature, inputs, outputs)["length"]
            return {"length": lengths.sum(keepdims=True)}

    async def body():
        servable, made = Summing(is_open=False), batcher()
        first = await occupied(made, servable)
        tasks = await queued(made, [computation(servable, [b"a", b"b"]) for _ in range(2)])
        servable.gate.set()
        answers = await asyncio.gather(first, *tasks)
        await made.close()
        assert [answer["length"].tolist() for answer in answers] == [[5], [2], [2]]

    asyncio.run(body())


def test_a_batch_keeps_to_its_tokens():
    async def body():
        servable, made = FakeServable(is_open=False), batcher(max_batch_tokens=48)
        first = await occupied(made, servable)
        tasks = await queued(made, [computation(servable, [b"x"]) for _ in range(5)])  # 16 each
        servable.gate.set()
        await asyncio.gather(first, *tasks)
        await made.close()
        assert [len(batch) for batch in servable.batches] == [1, 3, 2]

    asyncio.run(body())


def test_a_request_of_too_many_tokens_runs_alone_and_in_parts():
    async def body():
        servable, made = FakeServable(is_open=False), batcher(max_batch_tokens=2 * 16)
        first = await occupied(made, servable)
        texts = [b"a", b"bb", b"ccc", b"dddd", b"eeeee"]
        bad = [*texts[:4], b"poison"]
        tasks = await queued(made, [computation(servable, t) for t in (texts, [b"x"], bad)])
        servable.gate.set()
        _, large, _, failed = await asyncio.gather(first, *tasks, return_exceptions=True)
        await made.close()
        parts = [texts[:2], texts[2:4], texts[4:]]
        assert servable.batches == [[b"first"], *parts, [b"x"], *parts[:2], [b"poison"]]
        assert large["length"].tolist() == [1, 2, 3, 4, 5]
        assert isinstance(failed, ServingError)

    asyncio.run(body())


def test_documents_count_all_the_tokens_that_the_model_reads():
    async def body():
        servable, made = FakeServable(), batcher(max_batch_tokens=4096, max_text_bytes=20_000)
        servable.max_tokens = 5000
        texts = [b"word" * 5000] * 3  # 5,000 tokens, roughly
        await made.run(computation(servable, texts))
        servable.max_tokens = 512
        await made.run(computation(servable, texts))
        await made.close()
        assert [len(batch) for batch in servable.batches] == [1, 1, 1, 3]

    asyncio.run(body())


def test_rows_that_cannot_be_told_apart_stay_together():
    async def body():
        servable, made = FakeServable(), batcher(max_batch_tokens=1)
        whole = signature(output_shape=(-1, -1))
        await made.run(computation(servable, [b"x", b"y"], whole))
        await made.close()
        assert servable.batches == [[b"x", b"y"]]

    asyncio.run(body())


def test_short_texts_share_no_batch_with_long_ones():
    async def body():
        servable, made = FakeServable(is_open=False), batcher()
        first = await occupied(made, servable)
        short, long, wide = b"ab", b"word " * 200, "好".encode() * 250  # 250 tokens, roughly
        tasks = await queued(
            made, [computation(servable, [t]) for t in (short, long, short, wide, long)]
        )
        servable.gate.set()
        await asyncio.gather(first, *tasks)
        await made.close()
        assert servable.batches == [[b"first"], [short, short], [long, wide, long]]

    asyncio.run(body())


def test_texts_above_what_the_model_reads_are_of_one_length():
    async def body():
        servable, made = FakeServable(is_open=False), batcher()
        servable.max_tokens = 64
        first = await occupied(made, servable)
        texts = [b"word " * 80, b"word " * 1000]
        tasks = await queued(made, [computation(servable, [text]) for text in texts])
        servable.gate.set()
        await asyncio.gather(first, *tasks)
        await made.close()
        assert servable.batches == [[b"first"], texts]

    asyncio.run(body())


def test_without_batching_every_request_runs_alone():
    async def body():
        servable, made = FakeServable(is_open=False), batcher(merges_requests=False)
        first = await occupied(made, servable)
        tasks = await queued(made, [computation(servable, [b"a"]) for _ in range(3)])
        servable.gate.set()
        await asyncio.gather(first, *tasks)
        await made.close()
        assert servable.batches == [[b"first"], [b"a"], [b"a"], [b"a"]]

    asyncio.run(body())


def test_too_large_a_text_is_refused():
    async def body():
        servable, made = FakeServable(), batcher(max_text_bytes=5)
        with pytest.raises(ServingError, match="Text of 6 bytes is larger than the limit of 5"):
            await made.run(computation(servable, [b"12345", b"123456"]))
        await made.close()
        assert not servable.batches

    asyncio.run(body())


def test_the_observer_is_told_of_batches_and_of_the_queue():
    class Recorder(BatchObserver):
        def __init__(self):
            self.batches, self.queued = [], []

        def batch_ran(self, computations, waited, seconds):
            assert len(waited) == len(computations)
            assert min(*waited, seconds) >= 0
            self.batches.append([c.rows for c in computations])

        def queue_changed(self, rows):
            self.queued.append(rows)

    async def body():
        servable, recorder = FakeServable(is_open=False), Recorder()
        made = batcher(observer=recorder)
        first = await occupied(made, servable)
        tasks = await queued(made, [computation(servable, [b"a"] * n) for n in (1, 2)])
        servable.gate.set()
        await asyncio.gather(first, *tasks)
        await made.close()
        assert recorder.batches == [[1], [1, 2]]
        assert recorder.queued == [1, 0, 1, 3, 2, 0]

    asyncio.run(body())
