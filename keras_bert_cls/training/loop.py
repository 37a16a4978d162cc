"""The training loop: many updates in one graph call, under any tf.distribute strategy."""

from collections.abc import Iterator
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_bert_cls.training.adamw import AdamW
from keras_bert_cls.training.loss_scale import LossScale
from keras_bert_cls.training.objectives import Objective, Tensors
from keras_bert_cls.training.schedules import Schedule
from keras_bert_cls.training.term_sums import sum_names, term_sums

_SUM = tf.distribute.ReduceOp.SUM
_DRAWS_PER_STEP = 1024  # more than the dropout masks that one layer draws in one update


class LoopReport(NamedTuple):
    """What some updates did.

    Attributes:
      losses: loss of each update, float32 [updates].
      diverged: bool [updates], whether the loss was not finite, or a gradient in spite of the
        lowest loss scale.
      sums: what `term_sums` gives for all updates together; and `rows` and `tokens`, how many real
        rows and tokens there were.
      gradient_norm: global norm at the last update, before clipping.
      learning_rate: of the last update.
      loss_scale: after the last update.
    """

    losses: np.ndarray
    diverged: np.ndarray
    sums: dict[str, float]
    gradient_norm: float
    learning_rate: float
    loss_scale: float


class TrainingLoop:
    """Updates the weights of a model.

    A host's batch is split over its replicas, and each part into `accumulation` pieces. The loss is
    the weighted mean over the global batch: sums over replicas are divided by the all-reduced
    weight, and gradients are clipped after they were summed, so that the number of replicas changes
    no result. Dropout depends on (seed, layer, replica, step) only, so that a run resumes exactly.

    Args:
      strategy: of tf.distribute; the model's weights were made in its scope.
      model: from a dict of inputs to a dict of outputs.
      optimizer: updates the weights.
      objective: what is minimised.
      schedule: learning rate by step.
      seed: of dropout.
      accumulation: pieces in which the gradient of a batch is computed.
      clip_norm: largest global gradient norm; 0 for no limit.
      float16: whether the loss is scaled.
      jit_compile: compile forward and backward pass with XLA.

    Attributes:
      step: updates done, int64 variable.
      state: what a checkpoint must hold beside the weights.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        model: keras.Model,
        optimizer: AdamW,
        objective: Objective,
        schedule: Schedule,
        *,
        seed: int = 0,
        accumulation: int = 1,
        clip_norm: float = 0.0,
        float16: bool = False,
        jit_compile: bool = False,
    ):
        self._strategy, self._model, self._optimizer = strategy, model, optimizer
        self._objective, self._schedule = objective, schedule
        self._seed, self._accumulation, self._clip_norm = seed, accumulation, clip_norm
        ran = strategy.run(lambda: tf.constant(0))
        self._local_replicas = len(strategy.experimental_local_results(ran))
        self._dropout_seeds = [
            v for v in model.variables if v.path.endswith("seed_generator_state")
        ]
        with strategy.scope():
            self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
            self._updates = tf.Variable(0, dtype=tf.int64, trainable=False)
            self._loss_scale = LossScale(enabled=float16)
        self.state = {
            "step": self.step,
            "updates": self._updates,
            "loss_scale": self._loss_scale.state,
            "moments": optimizer.state,
        }
        self._gradients = (
            tf.function(self._gradients_of, jit_compile=True) if jit_compile else self._gradients_of
        )
        self._run = tf.function(self._run_updates)
        self._sum_names: list[str] = []

    def run(self, batches: Iterator[Tensors], updates: int) -> LoopReport:
        """Makes `updates` updates with the next batches of a dataset's iterator."""
        if not self._sum_names:
            self._sum_names = self._name_sums(batches.element_spec)  # type: ignore[attr-defined]
        losses, diverged, sums, last = self._run(batches, tf.constant(updates, tf.int32))
        return LoopReport(
            losses=losses.numpy(),
            diverged=diverged.numpy(),
            sums=dict(zip(self._sum_names, sums.numpy().tolist(), strict=True)),
            gradient_norm=float(last["gradient_norm"]),
            learning_rate=float(last["learning_rate"]),
            loss_scale=float(self._loss_scale.scale),
        )

    def _run_updates(self, batches, updates):
        losses = tf.TensorArray(tf.float32, updates)
        diverged = tf.TensorArray(tf.bool, updates)
        sums = tf.zeros([len(self._sum_names)])
        last = {"gradient_norm": tf.zeros([]), "learning_rate": tf.zeros([])}
        for update in tf.range(updates):
            batch = next(batches)
            rate = self._schedule(self.step)
            loss, finite, norm, new = self._strategy.run(self._replica_step, args=(batch, rate))
            loss, finite = self._strategy.reduce(_SUM, loss, axis=None), self._same(finite)
            losses = losses.write(update, loss)
            hopeless = ~finite & self._loss_scale.at_minimum()
            diverged = diverged.write(update, ~tf.math.is_finite(loss) | hopeless)
            sums += self._strategy.reduce(_SUM, new, axis=None)
            last = {"gradient_norm": self._same(norm), "learning_rate": rate}
            self._loss_scale.adjust(finite)
            self._updates.assign_add(tf.cast(finite, tf.int64))
            self.step.assign_add(1)
        return losses.stack(), diverged.stack(), sums, last

    def _same(self, per_replica):
        """Returns a value that is the same on all replicas."""
        return self._strategy.experimental_local_results(per_replica)[0]

    def _name_sums(self, batch_spec) -> list[str]:
        example = {
            name: tf.zeros([1 if size is None else size for size in spec.shape], spec.dtype)
            for name, spec in batch_spec.items()
        }
        return [*sum_names(self._objective, example), "rows", "tokens"]

    def _replica_step(self, batch, learning_rate):
        context = tf.distribute.get_replica_context()
        self._seed_dropout(context.replica_id_in_sync_group)
        replica = context.replica_id_in_sync_group % self._local_replicas
        weights = self._objective.weights(self._part(batch, self._local_replicas, replica))
        totals = {term: tf.reduce_sum(weight) for term, weight in weights.items()}
        totals = context.all_reduce(_SUM, totals)
        parts = self._local_replicas * self._accumulation
        losses: list[tf.Tensor] = []
        sums: list[tf.Tensor] = []
        gradients: list[tf.Tensor] = []
        for index in range(self._accumulation):
            piece = self._part(batch, parts, replica * self._accumulation + index)
            loss, new, more = self._gradients(piece, totals)
            losses.append(loss)
            sums.append(new)
            gradients = [a + b for a, b in zip(gradients, more, strict=True)] if index else more
        gradients = context.all_reduce(_SUM, gradients)
        finite, norm = self._update(gradients, learning_rate)
        return _sum_in_order(losses), finite, norm, _sum_in_order(sums)

    def _update(self, gradients, learning_rate):
        """Unscales, clips and applies gradients; returns if they were finite, and their norm."""
        gradients = [gradient / self._loss_scale.scale for gradient in gradients]
        norm = tf.linalg.global_norm(gradients)
        finite = tf.math.is_finite(norm)
        if self._clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self._clip_norm, use_norm=norm)
        only_if = finite if self._loss_scale.enabled else None
        self._optimizer.apply(gradients, learning_rate, self._updates + 1, only_if)
        return finite, norm

    def _gradients_of(self, batch, totals):
        """Returns a piece's share in the loss, its sums [names], gradients of the scaled loss."""
        inputs = {name: batch[name] for name in self._objective.inputs}
        with tf.GradientTape() as tape:
            outputs = self._model(inputs, training=True)
            sums = term_sums(self._objective, outputs, batch)
            losses = [
                tf.math.divide_no_nan(sums[f"{term}_loss"], total) for term, total in totals.items()
            ]
            loss = tf.add_n(losses)
            scaled = loss * self._loss_scale.scale
        gradients = tape.gradient(
            scaled,
            [variable.value for variable in self._optimizer.variables],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        sums["rows"] = tf.reduce_sum(tf.cast(batch["sample_weight"] > 0, tf.float32))
        sums["tokens"] = tf.reduce_sum(tf.cast(batch["padding_mask"], tf.float32))
        ordered = tf.stack([sums[name] for name in self._sum_names])
        return loss, ordered, [tf.convert_to_tensor(gradient) for gradient in gradients]

    @staticmethod
    def _part(batch, parts, index):
        """Returns one of equal parts of a batch."""

        def cut(tensor):
            if not tensor.shape.rank:
                return tensor
            size = tf.shape(tensor)[0] // parts
            return tensor[index * size : (index + 1) * size]

        return tf.nest.map_structure(cut, batch)

    def _seed_dropout(self, replica):
        replica = tf.cast(replica, tf.int64)
        for index, variable in enumerate(self._dropout_seeds):
            stream = tf.cast(self._seed + 7919 * index + 1_000_003 * replica, variable.dtype)
            variable.assign(
                tf.stack([stream, tf.cast(self.step * _DRAWS_PER_STEP, variable.dtype)])
            )


def _sum_in_order(values):
    """Adds tensors, always in the same order.

    TensorFlow makes one AddN of a chain of additions, and that starts with any input whose memory
    it may reuse at the moment: the last bit of the sum then depends on which thread was faster.
    """
    return tf.reduce_sum(tf.stack(values), axis=0)
