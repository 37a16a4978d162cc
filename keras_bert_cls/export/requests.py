"""TensorFlow Serving requests for signatures: made from texts, and taken apart into arrays."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import input_pb2, prediction_log_pb2

from keras_bert_cls.export.task_signatures import asked_task
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.text.packing import pack_texts
from keras_bert_cls.text.tokenizer import Tokenizer

PredictionLog: TypeAlias = prediction_log_pb2.PredictionLog


def build_request(trained: TrainedModel, signature: str, *texts: Sequence[bytes]) -> PredictionLog:
    """Makes the request that sends texts to a signature of a model.

    Args:
      trained: the model.
      signature: its name.
      *texts: UTF-8 texts [n]; for models and tasks of pairs a second sequence, the second texts.

    Returns:
      The request, as warm-up files and request logs of TensorFlow Serving hold it.
    """
    log = PredictionLog()
    task, plain = asked_task(trained.settings, signature)
    if plain == "classify":
        request = log.classify_log.request
        request.input.CopyFrom(_examples(texts))
    elif plain == "regress":
        request = log.regress_log.request
        request.input.CopyFrom(_examples(texts))
    else:
        request = log.predict_log.request
        settings = trained.settings.tasks[task] if task else trained.settings
        for name, values in _arrays(trained.tokenizer, settings, plain, texts).items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    request.model_spec.name = "model"  # A server warms up the model that the file lies in.
    request.model_spec.signature_name = signature
    return log


def parse_request(log: PredictionLog) -> tuple[str, dict[str, np.ndarray]]:
    """Returns the signature that a request asks for and its inputs."""
    match log.WhichOneof("log_type"):
        case "classify_log":
            request = log.classify_log.request
        case "regress_log":
            request = log.regress_log.request
        case "predict_log":
            request = log.predict_log.request
            arrays = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
            return request.model_spec.signature_name, arrays
        case other:
            raise ValueError(f"expected a predict, classify or regress request, got {other}")
    examples = [e.SerializeToString() for e in request.input.example_list.examples]
    return request.model_spec.signature_name, {"inputs": np.array(examples, object)}


def _examples(texts: Sequence[Sequence[bytes]]) -> input_pb2.Input:
    message = input_pb2.Input()
    for row in zip(*texts, strict=True):
        feature = message.example_list.examples.add().features.feature
        for name, text in zip(("text", "text_pair"), row, strict=False):
            feature[name].bytes_list.value.append(text)
    return message


def _arrays(
    tokenizer: Tokenizer,
    settings: ModelSettings,
    signature: str,
    texts: Sequence[Sequence[bytes]],
) -> dict[str, np.ndarray]:
    strings = [np.array(column, object) for column in texts]
    if signature != "tokens":
        arrays = dict(zip(("text", "text_pair"), strings, strict=False))
        return {**arrays, **_infill_settings(len(strings[0]))} if signature == "infill" else arrays
    packed = pack_texts(
        tokenizer.vocabulary,
        [tokenizer.tokenize(tf.constant(column, tf.string)) for column in strings],
        max_length=settings.max_length,
        pad_to_multiple_of=1,
    )
    return {name: array.numpy() for name, array in packed.items()}


def _infill_settings(rows: int) -> dict[str, np.ndarray]:
    """Two passes over each text; every second one is filled at random."""
    numbers = np.arange(rows)
    return {
        "seed": numbers.astype(np.int64),
        "passes": np.full(rows, 2, np.int32),
        "temperature": (numbers % 2).astype(np.float32),
        "top_k": np.zeros(rows, np.int32),
        "top_p": np.full(rows, 0.9, np.float32),
    }
