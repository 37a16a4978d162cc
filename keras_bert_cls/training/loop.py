"""The training loop: many updates in one graph call, under any tf.distribute strategy."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_bert_cls.modeling.document_encoder import encoded_mask
from keras_bert_cls.modeling.dropout import DropoutPlace, dropout_at
from keras_bert_cls.training.accumulation import sum_over_pieces
from keras_bert_cls.training.adamw import AdamW
from keras_bert_cls.training.gradients import Gradients, plain_gradients
from keras_bert_cls.training.loss_scale import LossScale
from keras_bert_cls.training.objectives import Objective, Tensors
from keras_bert_cls.training.row_gradients import (
    as_they_are_kept,
    no_gradient,
    summed_over_replicas,
)
from keras_bert_cls.training.schedules import Schedule
from keras_bert_cls.training.term_sums import sum_names, term_sums
from keras_bert_cls.training.weight_average import WeightAverage

_SUM = tf.distribute.ReduceOp.SUM
_COUNTS = ["rows", "sequences", "tokens", "token_pairs"]


class LoopReport(NamedTuple):
    """What some updates did.

    Attributes:
      losses: loss of each update, float32 [updates].
      diverged: bool [updates], whether the loss was not finite, or a gradient in spite of the
        lowest loss scale.
      sums: what `term_sums` gives for all updates together; and how many real `rows` there were,
        and of the encoder `sequences` (rows, or windows of documents), `tokens` and `token_pairs`
        (the sum of the squared lengths of sequences).
      gradient_norm: global norm at the last update, before clipping.
      learning_rate: of the last update.
      loss_scale: after the last update.
      wait_seconds: in which the devices waited for data.
      stop: whether any worker asked to stop.
    """

    losses: np.ndarray
    diverged: np.ndarray
    sums: dict[str, float]
    gradient_norm: float
    learning_rate: float
    loss_scale: float
    wait_seconds: float
    stop: bool


class TrainingLoop:
    """Updates the weights of a model.

    A worker's part of the global batch is split over its replicas, and their parts into
    `accumulation` pieces. The loss is the weighted mean over the global batch: sums over replicas
    are divided by the all-reduced weight, gradients are clipped after they were summed, and dropout
    is drawn by place in the global batch. So the number of replicas changes no result but by
    rounding, and a run resumes exactly.

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
      forward: from inputs to outputs for the objective; None is the model itself.
      differentiate: how gradients are made of the loss.
      average: follows the weights; None for nothing.

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
        forward: Callable | None = None,
        differentiate: Gradients = plain_gradients,
        average: WeightAverage | None = None,
    ):
        self._strategy, self._model, self._optimizer = strategy, model, optimizer
        self._objective, self._schedule = objective.for_model(model), schedule
        self._seed, self._accumulation, self._clip_norm = seed, accumulation, clip_norm
        self._forward = forward or model
        self._differentiate, self._average = differentiate, average
        ran = strategy.run(lambda: tf.constant(0))
        self._local_replicas = len(strategy.experimental_local_results(ran))
        with strategy.scope():
            self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
            self._updates = tf.Variable(0, dtype=tf.int64, trainable=False)
            self._loss_scale = LossScale(enabled=float16)
        self.state = {
            "step": self.step,
            "updates": self._updates,
            "loss_scale": self._loss_scale.state,
            "moments": optimizer.state,
            **({"averages": average.state} if average else {}),
        }
        self._gradients = (
            tf.function(self._gradients_of, jit_compile=True) if jit_compile else self._gradients_of
        )
        self._run = tf.function(self._run_updates)
        self._sum_names: list[str] = []

    def run(self, batches: Iterator[Tensors], updates: int, stop: bool = False) -> LoopReport:
        """Makes `updates` updates with the next batches of a dataset's iterator.

        Args:
          batches: this worker's parts of the global batches.
          updates: how many; the same on every worker.
          stop: whether this worker asks all to stop; all learn of it from the report.
        """
        if not self._sum_names:
            self._sum_names = self._name_sums(batches.element_spec)  # type: ignore[attr-defined]
        stats, hopeless, last = self._run(batches, tf.constant(updates), tf.constant(stop))
        losses, stops, sums = np.split(stats.numpy(), [1, 2], axis=1)
        return LoopReport(
            losses=losses[:, 0],
            diverged=~np.isfinite(losses[:, 0]) | hopeless.numpy(),
            sums=dict(zip(self._sum_names, sums.sum(axis=0).tolist(), strict=True)),
            gradient_norm=float(last["gradient_norm"]),
            learning_rate=float(last["learning_rate"]),
            loss_scale=float(self._loss_scale.scale.numpy()),
            wait_seconds=float(last["wait_seconds"]),
            stop=bool(stops.any()),
        )

    def _run_updates(self, batches, updates, stop):
        stats = tf.TensorArray(tf.float32, updates, element_shape=[2 + len(self._sum_names)])
        hopeless = tf.TensorArray(tf.bool, updates)
        zero = tf.zeros([])
        last = {"gradient_norm": zero, "learning_rate": zero}
        ready, waited = tf.timestamp(), tf.zeros([], tf.float64)
        for update in tf.range(updates):
            # On CPUs this comes to its turn after most weights are changed, well after `ready`.
            begin = tf.maximum(tf.timestamp(), ready)
            with tf.control_dependencies([begin]):
                batch = next(batches)
            with tf.control_dependencies(tf.nest.flatten(batch)):
                waited += tf.maximum(tf.timestamp() - begin, 0.0)
            # On one CPU the clock would otherwise be read when the update is done, too.
            with tf.control_dependencies([waited]):
                batch = tf.nest.map_structure(tf.identity, batch)
            rate = self._schedule(self.step)
            new, finite, norm = self._strategy.run(self._replica_step, args=(batch, rate, stop))
            finite = self._same(finite)
            stats = stats.write(update, self._same(new))
            hopeless = hopeless.write(update, ~finite & self._loss_scale.at_minimum())
            last = {"gradient_norm": self._same(norm), "learning_rate": rate}
            self._loss_scale.adjust(finite)
            self._updates.assign_add(tf.cast(finite, tf.int64))
            done = self.step.assign_add(1)
            # The weights are read by the next update only; until then the devices are at work.
            with tf.control_dependencies([done, self._same(norm)]):
                ready = tf.timestamp()
        return stats.stack(), hopeless.stack(), {**last, "wait_seconds": waited}

    def _same(self, per_replica):
        """Returns a value that is the same on all replicas."""
        return self._strategy.experimental_local_results(per_replica)[0]

    def _name_sums(self, batch_spec) -> list[str]:
        example = {
            name: tf.zeros([1 if size is None else size for size in spec.shape], spec.dtype)
            for name, spec in batch_spec.items()
        }
        return [*sum_names(self._objective, example), *_COUNTS]

    def _replica_step(self, batch, learning_rate, stop):
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group
        part = self._part(batch, self._local_replicas, replica % self._local_replicas)
        totals, before = self._totals(context, part)
        rows = tf.shape(part["token_ids"])[0]
        gradients, stats = self._accumulate(part, totals, replica * rows, before)
        gradients = summed_over_replicas(gradients, as_rows=self._optimizer.lazy)
        stats = context.all_reduce(
            _SUM, tf.concat([stats[:1], [tf.cast(stop, tf.float32)], stats[1:]], 0)
        )
        finite, norm = self._update(gradients, learning_rate)
        return stats, finite, norm

    def _totals(self, context, part):
        """Returns the weights of the terms in the global batch, and what is before this part.

        That is an int64 [2] of sequences and tokens, see `_encoded`.
        """
        replica, replicas = context.replica_id_in_sync_group, context.num_replicas_in_sync
        weights = self._objective.weights(part)
        sums = [tf.reduce_sum(weight) for weight in weights.values()]
        # float64 counts exactly what float32 would round from 2**24 on.
        counts = tf.cast(self._encoded(part)[0], tf.float64)
        counts = tf.one_hot(replica, replicas, dtype=tf.float64)[:, tf.newaxis] * counts
        shares = tf.concat([tf.cast(tf.stack(sums), tf.float64), tf.reshape(counts, [-1])], axis=0)
        shares = context.all_reduce(_SUM, shares)
        totals = tf.unstack(tf.cast(shares[: len(sums)], tf.float32), num=len(sums))
        counts = tf.reshape(shares[len(sums) :], [replicas, 2])
        before = tf.cumsum(counts, exclusive=True)[replica]
        return dict(zip(weights, totals, strict=True)), tf.cast(before, tf.int64)

    def _encoded(self, batch):
        """Returns int64 [2], the encoder's sequences and real tokens, and the sequences' length."""
        mask = encoded_mask(self._model, batch["padding_mask"])
        count, length = tf.unstack(tf.shape(mask, out_type=tf.int64))
        return tf.stack([count, tf.cast(tf.reduce_sum(mask), tf.int64)]), length

    def _accumulate(self, part, totals, first_row, before):
        """Sums gradients and [loss, *sums] over the pieces of a replica's part."""

        def piece_at(index, place):
            first_row, before = place
            piece = self._part(part, self._accumulation, index)
            counts, length = self._encoded(piece)
            sequence, token = tf.unstack(before)
            seed = tf.constant(self._seed, tf.int64)
            position = sequence * length
            place = DropoutPlace(seed, self.step, first_row, sequence, token, position)
            gradients, stats = self._gradients(piece, totals, place)
            rows = tf.shape(piece["token_ids"])[0]
            return (first_row + rows, before + counts), gradients, stats

        optimizer = self._optimizer
        zeros = [no_gradient(variable, optimizer.lazy) for variable in optimizer.variables]
        nothing = zeros, tf.zeros([1 + len(self._sum_names)])
        return sum_over_pieces(piece_at, self._accumulation, (first_row, before), nothing)

    def _update(self, gradients, learning_rate):
        """Unscales, clips and applies gradients; returns if they were finite, and their norm."""
        unscale = 1 / self._loss_scale.scale
        norm = tf.linalg.global_norm(gradients) * unscale
        finite = tf.math.is_finite(norm)
        # One pass over all gradients at most: at small batches such passes are what a step costs.
        if self._clip_norm:
            clip = self._clip_norm / tf.maximum(norm, self._clip_norm)
            factor = tf.where(finite, unscale * clip, float("nan"))
            gradients = [tf.math.scalar_mul(factor, gradient) for gradient in gradients]
        elif self._loss_scale.enabled:
            gradients = [tf.math.scalar_mul(unscale, gradient) for gradient in gradients]
        only_if = finite if self._loss_scale.enabled else None
        self._optimizer.apply(gradients, learning_rate, self._updates + 1, only_if)
        if self._average is not None:
            self._average.update(self._updates + 1, only_if)
        return finite, norm

    def _gradients_of(self, batch, totals, place):
        """Returns the gradients of the scaled loss of a piece, and its [loss, *sums]."""
        inputs = {name: batch[name] for name in self._objective.inputs}

        def scaled_loss():
            outputs = self._forward(inputs, training=True)
            sums = term_sums(self._objective, outputs, batch)
            losses = [
                tf.math.divide_no_nan(sums[f"{term}_loss"], total) for term, total in totals.items()
            ]
            loss = tf.add_n(losses)
            return loss * self._loss_scale.scale, (loss, sums)

        variables = [variable.value for variable in self._optimizer.variables]
        with dropout_at(place):
            gradients, (loss, sums) = self._differentiate(scaled_loss, variables, batch)
        sums["rows"] = tf.reduce_sum(tf.cast(batch["sample_weight"] > 0, tf.float32))
        mask = encoded_mask(self._model, batch["padding_mask"])
        lengths = tf.reduce_sum(tf.cast(mask, tf.float32), axis=1)
        sums["sequences"] = tf.reduce_sum(tf.cast(lengths > 0, tf.float32))
        sums["tokens"], sums["token_pairs"] = tf.reduce_sum(lengths), tf.reduce_sum(lengths**2)
        stats = tf.stack([loss, *(sums[name] for name in self._sum_names)])
        return as_they_are_kept(gradients, self._optimizer.variables), stats

    @staticmethod
    def _part(batch, parts, index):
        """Returns one of equal parts of a batch."""

        def cut(tensor):
            if not tensor.shape.rank:
                return tensor
            size = tf.shape(tensor)[0] // parts
            return tensor[index * size : (index + 1) * size]

        return tf.nest.map_structure(cut, batch)
