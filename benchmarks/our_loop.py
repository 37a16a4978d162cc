"""What our workers that train share: a training loop around a model, and its timed updates."""

from benchmarks.peers.timed_batches import timed_calls


def make_loop(model, objective, lazy_embeddings: bool = False):
    """Returns a TrainingLoop with AdamW, clipping at norm 1 and the rate 1e-5."""
    import tensorflow as tf

    from keras_bert_cls.training.adamw import AdamW
    from keras_bert_cls.training.loop import TrainingLoop
    from keras_bert_cls.training.parameter_rules import ParameterRule
    from keras_bert_cls.training.schedules import learning_rate_schedule

    variables = model.trainable_variables
    rules = [ParameterRule("", 1.0, 0.01)] * len(variables)
    optimizer = AdamW(variables, rules, lazy=lazy_embeddings)
    schedule = learning_rate_schedule("constant", 1e-5, 1000, 0.0)
    return TrainingLoop(
        tf.distribute.get_strategy(), model, optimizer, objective, schedule, clip_norm=1.0
    )


def timed_updates(loop, batches: list[dict]) -> dict[str, list[float]]:
    """Makes an update with each batch; returns how long each took, see `timed_calls`."""
    iterator = iterator_of(batches)
    return timed_calls(lambda _: loop.run(iterator, 1), batches)


def iterator_of(batches: list[dict]):
    """Returns an iterator of a dataset over the batches, arrays or tensors by name."""
    import tensorflow as tf

    spec = {
        name: tf.TensorSpec([None] * len(value.shape), value.dtype)
        for name, value in batches[0].items()
    }
    return iter(tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=spec))
