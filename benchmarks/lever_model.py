"""Worker: exports of one model that differ in one thing, run as SavedModelSession runs them."""

import contextlib
import dataclasses
import os
import pathlib
from concurrent import futures
from unittest import mock

import numpy as np

from benchmarks.our_training import rebuilt
from benchmarks.peers.timed_batches import timed_batches
from benchmarks.peers.worker_loop import answer_requests
from keras_bert_cls.cpus import usable_cpus
from keras_bert_cls.text.row_batches import batch_parts

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

EXPORTS = (
    "float32",
    "bfloat16",
    "float32_constants",
    "bfloat16_variables",
    "padded",
    "whole_last_block",
    "branches",
)
_loaded: dict = {}


def export(run: str, folder: str) -> None:
    """Writes FOLDER/NAME/1 for each of EXPORTS that is not there yet.

    Whether weights are constants of the graph or variables is no option of ours: exports in
    bfloat16 have constants, those in float32 variables. Here it is turned round.
    """
    from keras_bert_cls.export import saved_model
    from keras_bert_cls.export.precision import as_constants
    from keras_bert_cls.modeling.trained_model import TrainedModel

    trained = TrainedModel.load(run)

    def constants(_):
        return as_constants(trained.model.weights)

    def variables(_):
        return contextlib.nullcontext()

    padded = dataclasses.replace(trained, model=rebuilt(trained.model, pack_tokens=False))
    whole = dataclasses.replace(trained, model=rebuilt(trained.model, whole_last_block=True))
    makers = {
        "float32": (trained, "float32", as_constants),
        "bfloat16": (trained, "bfloat16", as_constants),
        "float32_constants": (trained, "float32", constants),
        "bfloat16_variables": (trained, "bfloat16", variables),
        "padded": (padded, "float32", as_constants),
        "whole_last_block": (whole, "float32", as_constants),
        "branches": (trained, "float32", as_constants),
    }
    for name in EXPORTS:
        model, precision, manner = makers[name]
        path = pathlib.Path(folder) / name
        if not path.exists():
            with mock.patch.object(saved_model, "as_constants", manner):
                saved_model.export_saved_model(
                    model,
                    path,
                    version=1,
                    precision=precision,
                    branches=2 if name == "branches" else 1,
                )


def load(
    folder: str, inter_op_threads: int = -1, intra_op_threads: int = 0, spread_rows: bool = False
) -> None:
    """Loads an export.

    Args:
      folder: of the SavedModel.
      inter_op_threads: of the session: -1 runs ops on the calling thread, as SavedModelSession
        does; 0 is TensorFlow's own choice.
      intra_op_threads: threads that share an op; 0 is TensorFlow's own choice.
      spread_rows: whether parts of a batch run at the same time, as Classifier lets them.
    """
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  registers the tokenizer's ops

    graph = tf.Graph()
    config = tf.compat.v1.ConfigProto(
        allow_soft_placement=True,
        inter_op_parallelism_threads=inter_op_threads,
        intra_op_parallelism_threads=intra_op_threads,
    )
    session = tf.compat.v1.Session(graph=graph, config=config)
    with graph.as_default():
        meta_graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], folder)
    _loaded["session"] = session
    _loaded["parts"] = usable_cpus() if spread_rows else 1
    _loaded["signature"] = meta_graph.signature_def["serving_default"]


def predict(batches: list[list[str]], answers: bool = False) -> dict[str, object]:
    """Classifies batches of texts."""
    signature = _loaded["signature"]
    label, probabilities = (signature.outputs[name].name for name in ("label", "probabilities"))
    text = signature.inputs["text"].name

    def call(rows):
        texts = [row for (row,) in rows]
        return _loaded["session"].run([label, probabilities], {text: texts})

    with futures.ThreadPoolExecutor(_loaded["parts"]) as pool:

        def spread(batch):
            parts = batch_parts([(row.encode(),) for row in batch], _loaded["parts"], 512)
            labels, found = zip(*(map if len(parts) == 1 else pool.map)(call, parts), strict=True)
            return np.concatenate(labels), np.concatenate(found)

        return timed_batches(spread, batches, answers)


if __name__ == "__main__":
    answer_requests({"export": export, "load": load, "predict": predict})
