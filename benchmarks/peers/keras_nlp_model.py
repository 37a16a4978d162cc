"""Worker: keras-nlp's BertTextClassifier, in our environment, which has it."""

import os
import pathlib
import time

from benchmarks.peers.servers import start_http
from benchmarks.peers.timed_batches import timed_batches
from benchmarks.peers.worker_loop import answer_requests

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

_MAX_LENGTH = 128
_loaded = {}


def load(folder: str, precision: str = "float32") -> dict[str, float]:
    """Loads a preset with its head.npz."""
    import keras
    import keras_hub
    import numpy as np

    started = time.perf_counter()
    path = pathlib.Path(folder)
    keras.config.set_dtype_policy("float32" if precision == "float32" else "mixed_bfloat16")
    backbone = keras_hub.models.BertBackbone.from_preset(folder)
    for layer in backbone.transformer_layers:  # keras-nlp's own is the tanh approximation
        layer._feedforward_intermediate_dense.activation = keras.activations.gelu
    tokenizer = keras_hub.models.BertTokenizer.from_preset(folder)
    head = np.load(path / "head.npz")
    model = keras_hub.models.BertTextClassifier(
        backbone,
        num_classes=head["kernel"].shape[1],
        preprocessor=keras_hub.models.BertTextClassifierPreprocessor(
            tokenizer, sequence_length=_MAX_LENGTH
        ),
        activation="softmax",
    )
    model.get_layer("logits").set_weights([head["kernel"], head["bias"]])
    _loaded["classifier"] = model
    return {"seconds": time.perf_counter() - started}


def classifier():
    """Returns the BertTextClassifier that `load` made."""
    return _loaded["classifier"]


def predict(batches: list[list[str]], answers: bool = False) -> dict[str, object]:
    """Classifies batches of texts, as its users do: all padded to the preprocessor's length."""
    return timed_batches(classify, batches, answers)


def classify(batch: list[str]):
    """Returns the labels and the probabilities of texts."""
    probabilities = _loaded["classifier"].predict(batch, batch_size=len(batch), verbose=0)
    return [f"label_{index}" for index in probabilities.argmax(-1)], probabilities


def serve() -> int:
    """Starts a server; returns its port."""
    return start_http(classify)


if __name__ == "__main__":
    answer_requests({"load": load, "predict": predict, "serve_http": serve})
