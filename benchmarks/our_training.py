"""Worker: updates of a classifier by our training loop."""

import os
import time

from benchmarks.peers.worker_loop import answer_requests

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

_loaded: dict = {}


def load(folder: str, precision: str = "float32") -> None:
    """Loads a run's model; precision is a policy of Keras."""
    import tensorflow as tf

    from keras_bert_cls.modeling.trained_model import TrainedModel
    from keras_bert_cls.training.adamw import AdamW
    from keras_bert_cls.training.loop import TrainingLoop
    from keras_bert_cls.training.objectives import SingleLabelObjective
    from keras_bert_cls.training.parameter_rules import ParameterRule
    from keras_bert_cls.training.run import with_precision
    from keras_bert_cls.training.schedules import learning_rate_schedule

    trained = TrainedModel.load(folder)
    model = with_precision(precision, lambda: _rebuilt(trained.model))
    variables = model.trainable_variables
    optimizer = AdamW(variables, [ParameterRule("", 1.0, 0.01)] * len(variables))
    schedule = learning_rate_schedule("constant", 1e-5, 1000, 0.0)
    _loaded["loop"] = TrainingLoop(
        tf.distribute.get_strategy(),
        model,
        optimizer,
        SingleLabelObjective(),
        schedule,
        clip_norm=1.0,
    )
    _loaded["trained"], _loaded["model"] = trained, model


def _rebuilt(model):
    from keras_bert_cls.modeling.encoder import encoder_config
    from keras_bert_cls.modeling.models import classifier_model

    copy = classifier_model(encoder_config(model), model.output["logits"].shape[-1])
    for new, old in zip(copy.trainable_variables, model.trainable_variables, strict=True):
        new.assign(old)
    return copy


def loss(texts: list[str], labels: list[int]) -> float:
    """Returns the mean loss of a batch without dropout."""
    import tensorflow as tf

    logits = _loaded["model"](_packed(texts), training=False)["logits"]
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return float(tf.reduce_mean(losses))


def train(batches: list[list], max_length: int) -> list[float]:
    """Makes an update with each batch [texts, labels]; returns the seconds of each."""
    import tensorflow as tf

    prepared = [
        {
            **_packed(texts),
            "target": tf.constant(labels, tf.int32),
            "sample_weight": tf.ones(len(texts)),
        }
        for texts, labels in batches
    ]
    spec = {
        name: tf.TensorSpec([None] * value.shape.rank, value.dtype)
        for name, value in prepared[0].items()
    }
    dataset = tf.data.Dataset.from_generator(lambda: iter(prepared), output_signature=spec)
    iterator, seconds = iter(dataset), []
    for _ in prepared:
        started = time.perf_counter()
        _loaded["loop"].run(iterator, 1)
        seconds.append(time.perf_counter() - started)
    return seconds


def _packed(texts: list[str]):
    import tensorflow as tf

    from keras_bert_cls.text.packing import pack_texts

    tokenizer = _loaded["trained"].tokenizer
    return pack_texts(
        tokenizer.vocabulary, [tokenizer.tokenize(tf.constant(texts))], max_length=512
    )


if __name__ == "__main__":
    answer_requests({"load": load, "loss": loss, "train": train})
