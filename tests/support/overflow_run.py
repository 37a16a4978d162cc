"""A float16 run in which the gradient overflows on one of two replicas.

    python overflow_run.py one|mirrored|multi_worker

Makes four updates of a small model; in the second, one row has a weight that float16 can't hold.
With two replicas that row is in the part of the last one. Prints what the updates did.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.models import classifier_model
from keras_bert_cls.training.adamw import AdamW
from keras_bert_cls.training.loop import TrainingLoop
from keras_bert_cls.training.objectives import SingleLabelObjective
from keras_bert_cls.training.parameter_rules import ParameterRule
from keras_bert_cls.training.run import with_precision
from keras_bert_cls.training.run_options import RunOptions
from keras_bert_cls.training.strategy import make_strategy
from keras_bert_cls.training.workers import Workers

ROWS, LENGTH, UPDATES = 8, 8, 4
ENCODER = EncoderConfig(
    vocabulary_size=20,
    hidden_dim=8,
    num_layers=1,
    num_heads=2,
    intermediate_dim=16,
    max_sequence_length=LENGTH,
)


class ScaledObjective(SingleLabelObjective):
    """Multiplies the losses of rows by a factor that is no weight, so that the mean keeps it."""

    def losses(self, outputs, batch):
        losses = super().losses({"logits": outputs["logits"]}, batch)
        return {"label": losses["label"] * batch["factor"]}


def batches(shard: Shard) -> tf.data.Dataset:
    """Returns a worker's parts of the batches."""
    random = np.random.default_rng(1)
    factor = np.ones((UPDATES, ROWS), np.float32)
    factor[1, -1] = 1e6
    data = {
        "token_ids": random.integers(1, 20, (UPDATES, ROWS, LENGTH)).astype(np.int32),
        "segment_ids": np.zeros((UPDATES, ROWS, LENGTH), np.int32),
        "padding_mask": np.ones((UPDATES, ROWS, LENGTH), np.int32),
        "sample_weight": np.ones((UPDATES, ROWS), np.float32),
        "target": random.integers(0, 3, (UPDATES, ROWS)).astype(np.int32),
        "factor": factor,
    }
    places = shard.range_of(ROWS)
    own = {name: values[:, places.start : places.stop] for name, values in data.items()}
    return tf.data.Dataset.from_tensor_slices(own)


def main(kind: str) -> None:
    strategy = make_strategy(RunOptions(strategy=kind, devices=2 if kind == "mirrored" else 0))
    workers = Workers(strategy)
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = with_precision("mixed_float16", lambda: classifier_model(ENCODER, 3))
        variables = model.trainable_variables
        optimizer = AdamW(variables, [ParameterRule("", 1.0, 0.01)] * len(variables))
    loop = TrainingLoop(
        strategy,
        model,
        optimizer,
        ScaledObjective(),
        lambda step: tf.constant(0.01),
        clip_norm=1.0,
        float16=True,
    )
    shard = Shard(workers.index, workers.count, strategy.num_replicas_in_sync)
    iterator, seen = iter(batches(shard)), []
    for _ in range(UPDATES):
        report = loop.run(iterator, 1)
        weights = [variable.numpy() for variable in variables]
        replicas = [
            float(sum(np.abs(copy.numpy()).sum() for copy in copies))
            for copies in zip(
                *(strategy.experimental_local_results(v.value) for v in variables), strict=True
            )
        ]
        seen.append(
            {
                "loss": report.losses.tolist(),
                "norm_is_finite": bool(np.isfinite(report.gradient_norm)),
                "loss_scale": report.loss_scale,
                "diverged": report.diverged.tolist(),
                "updates": int(loop.state["updates"].numpy()),
                "weights_are_finite": all(bool(np.isfinite(w).all()) for w in weights),
                "sum": float(sum(np.abs(w).sum() for w in weights)),
                "replicas": replicas,
            }
        )
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1])
