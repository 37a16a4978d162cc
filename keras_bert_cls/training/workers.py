"""What the workers of a run tell each other, beside gradients."""

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

_SUM = tf.distribute.ReduceOp.SUM
Result = TypeVar("Result")


class Workers:
    """The processes that train together; a single process is its own chief.

    Every worker must call every method of this class in the same order: each waits for the others.

    Args:
      strategy: from `make_strategy`.

    Attributes:
      strategy: the argument.
      count: how many workers there are.
      index: this one's number; the chief is 0.
      devices: replicas of each worker.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self.strategy = strategy
        resolver = strategy.cluster_resolver
        jobs = resolver.cluster_spec().as_dict() if resolver is not None else {}
        chiefs, workers = len(jobs.get("chief", ())), len(jobs.get("worker", ()))
        self.count = max(1, chiefs + workers)
        self.index = 0
        if self.count > 1:
            assert resolver is not None
            self.index = int(resolver.task_id) + (chiefs if resolver.task_type == "worker" else 0)
        self.devices = strategy.num_replicas_in_sync // self.count
        self._sum = tf.function(self._sum_of, reduce_retracing=True)

    @property
    def is_chief(self) -> bool:
        """Whether this is the worker that writes and reports."""
        return self.index == 0

    def from_chief(self, value: Any) -> Any:
        """Returns what the chief gave; others' values are not looked at.

        Args:
          value: anything that JSON can hold; NaN and infinity too.
        """
        if self.count == 1:
            return value
        text = np.frombuffer(json.dumps(value).encode(), np.uint8).astype(np.float32)
        size = int(self._chiefs(np.array([len(text)], np.float32))[0])
        content = self._chiefs(np.resize(text, size))
        return json.loads(content.astype(np.uint8).tobytes())

    def chief_first(self, work: Callable[[], Result]) -> Result:
        """Does some work on the chief, then on all others."""
        if self.is_chief:
            result = work()
            self.wait()
            return result
        self.wait()
        return work()

    def on_chief(self, work: Callable[[], Result]) -> Result | None:
        """Does some work on the chief, for which all others wait; returns None on those."""
        result = work() if self.is_chief else None
        self.wait()
        return result

    def wait(self) -> None:
        """Waits until every worker is here."""
        if self.count > 1:
            self._chiefs(np.zeros(1, np.float32))

    def share(self, variables: Iterable[tf.Variable]) -> None:
        """Gives all workers the chief's values of variables."""
        if self.count == 1:
            return
        for variable in variables:
            variable.assign(tf.reshape(self._chiefs(variable.numpy().ravel()), variable.shape))

    def _chiefs(self, values: np.ndarray):
        mine = values if self.is_chief else np.zeros_like(values)
        return self._sum(tf.constant(mine)).numpy()

    def _sum_of(self, values):
        def share_of_replica():
            context = tf.distribute.get_replica_context()
            first = context.replica_id_in_sync_group % self.devices == 0
            mine = tf.where(first, values, tf.zeros_like(values))
            return context.all_reduce(_SUM, mine)

        return self.strategy.experimental_local_results(self.strategy.run(share_of_replica))[0]
