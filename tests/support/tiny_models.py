"""Tiny SavedModels of plain ops, whose answers a test can compute by itself."""

import pathlib

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

LABELS = ("short", "medium", "long")
POISON = "poison"


def write_classifier(folder: pathlib.Path, shift: float = 0.0) -> None:
    """Writes a model that scores a text by its length in bytes; see `expected_scores`.

    Signatures: serving_default, pair, classify, regress, tokens, and slow, which takes as many
    seconds as the highest of its texts says. A text that is POISON fails the whole batch.
    """
    module = tf.Module()
    module.shift = tf.Variable(shift)
    labels = tf.constant(LABELS)

    def outputs(text):
        healthy = tf.reduce_all(tf.not_equal(text, POISON))
        with tf.control_dependencies([tf.debugging.Assert(healthy, ["poisoned batch"])]):
            length = tf.cast(tf.strings.length(text), tf.float32)[:, None]
        logits = -tf.abs(length + module.shift - tf.constant([[0.0, 10.0, 20.0]]))
        probabilities = tf.nn.softmax(logits)
        best = tf.argmax(probabilities, axis=-1)
        return {
            "label": tf.gather(labels, best),
            "score": tf.reduce_max(probabilities, axis=-1),
            "probabilities": probabilities,
        }

    def texts_of(examples):
        features = {"text": tf.io.FixedLenFeature([], tf.string)}
        return tf.io.parse_example(examples, features)["text"]

    @tf.function(input_signature=[_strings("text")])
    def serving_default(text):
        return outputs(text)

    @tf.function(input_signature=[_strings("text"), _strings("text_pair")])
    def pair(text, text_pair):
        return outputs(text + text_pair)

    @tf.function(input_signature=[_strings("inputs")])
    def classify(inputs):
        scores = outputs(texts_of(inputs))["probabilities"]
        classes = tf.ensure_shape(tf.tile(labels[None], [tf.shape(scores)[0], 1]), [None, 3])
        return {"classes": classes, "scores": scores}

    @tf.function(input_signature=[_strings("inputs")])
    def regress(inputs):
        return {"outputs": tf.cast(tf.strings.length(texts_of(inputs)), tf.float32)}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32, name="ids")])
    def tokens(ids):
        return {"total": tf.reduce_sum(ids, axis=-1)}

    @tf.function(input_signature=[_strings("seconds")])
    def slow(seconds):
        numbers = tf.strings.to_number(seconds, tf.float64)
        end = tf.timestamp() + tf.reduce_max(numbers)
        turns = tf.while_loop(lambda _: tf.timestamp() < end, lambda i: [i + 1], [0])
        with tf.control_dependencies(turns):
            return {"seconds": tf.identity(numbers)}

    functions = (serving_default, pair, classify, regress, tokens, slow)
    tf.saved_model.save(
        module,
        str(folder),
        signatures={f.python_function.__name__: f.get_concrete_function() for f in functions},
    )


def write_regressor(folder: pathlib.Path, output: str = "value") -> None:
    """Writes a model whose only signature gives the length of a text in bytes as `output`."""

    @tf.function(input_signature=[_strings("text")])
    def serving_default(text):
        return {output: tf.cast(tf.strings.length(text), tf.float32)}

    signatures = {"serving_default": serving_default.get_concrete_function()}
    tf.saved_model.save(tf.Module(), str(folder), signatures=signatures)


def write_pair_classifier(folder: pathlib.Path) -> None:
    """Writes a model of pairs: "same" with 0.75 if both texts are equal, else "other" with 0.75."""
    labels = tf.constant(["same", "other"])
    features = {name: tf.io.FixedLenFeature([], tf.string) for name in ("text", "text_pair")}

    def probabilities(text, text_pair):
        same = tf.where(tf.equal(text, text_pair), 0.75, 0.25)
        return tf.stack([same, 1.0 - same], axis=-1)

    @tf.function(input_signature=[_strings("text"), _strings("text_pair")])
    def serving_default(text, text_pair):
        rows = probabilities(text, text_pair)
        label = tf.gather(labels, tf.argmax(rows, axis=-1))
        return {"label": label, "score": tf.reduce_max(rows, axis=-1), "probabilities": rows}

    @tf.function(input_signature=[_strings("inputs")])
    def classify(inputs):
        rows = probabilities(**tf.io.parse_example(inputs, features))
        return {"classes": tf.tile(labels[None], [tf.shape(rows)[0], 1]), "scores": rows}

    signatures = {
        f.python_function.__name__: f.get_concrete_function() for f in (serving_default, classify)
    }
    tf.saved_model.save(tf.Module(), str(folder), signatures=signatures)


def write_warmup(folder: pathlib.Path, records: list[bytes]) -> None:
    """Writes serialized PredictionLogs where servers look for them."""
    (folder / "assets.extra").mkdir()
    with tf.io.TFRecordWriter(str(folder / "assets.extra/tf_serving_warmup_requests")) as writer:
        for record in records:
            writer.write(record)


def predict_log(signature: str, **inputs: list[str]) -> bytes:
    """Returns a serialized PredictionLog of a Predict request."""
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = "any"
    request.model_spec.signature_name = signature
    for name, texts in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(texts, tf.string))
    return log.SerializeToString()


def expected_scores(text: str, shift: float = 0.0) -> list[float]:
    """Returns the probabilities that the classifier must give, computed without TensorFlow."""
    logits = -np.abs(len(text.encode()) + shift - np.array([0.0, 10.0, 20.0]))
    exponentials = np.exp(logits - logits.max())
    return list(exponentials / exponentials.sum())


def _strings(name: str) -> tf.TensorSpec:
    return tf.TensorSpec([None], tf.string, name=name)
