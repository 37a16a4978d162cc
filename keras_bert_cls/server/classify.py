"""The Classify API: tf.Examples in, for each a list of classes with scores."""

import numpy as np
from tensorflow_serving.apis import classification_pb2

from keras_bert_cls.server import examples
from keras_bert_cls.server.computation import Computation, checked_computation
from keras_bert_cls.server.model_spec import write_model_spec
from keras_bert_cls.server.servable import Servable
from keras_bert_cls.server.status_errors import failed_precondition, invalid_argument

_CLASSES, _SCORES = "classes", "scores"
_TYPES = {_CLASSES: ("DT_STRING", np.dtype(object)), _SCORES: ("DT_FLOAT", np.dtype(np.float32))}


def prepare(servable: Servable, request: classification_pb2.ClassificationRequest) -> Computation:
    """Checks a request, in the order of TensorFlow Serving's own checks.

    Raises:
      ServingError: the request does not fit the model.
    """
    signature = examples.find_signature(servable, request.model_spec)
    definition = signature.definition
    if len(definition.inputs) == 1 and len(definition.outputs) not in (1, 2):
        raise invalid_argument(
            f"Expected one or two output Tensors, found {len(definition.outputs)}"
        )
    examples.check_example_input(definition, "classification")
    outputs = tuple(alias for alias in _TYPES if alias in definition.outputs)
    if not outputs:
        raise failed_precondition(
            "Expected classification signature outputs to contain at least one of "
            f'"{_CLASSES}" or "{_SCORES}". Signature was: {definition}'
        )
    inputs = {examples.INPUTS: examples.serialized_examples(request.input)}
    return checked_computation(servable, signature, inputs, outputs, "Classify")


def response(
    request: classification_pb2.ClassificationRequest,
    computation: Computation,
    outputs: dict[str, np.ndarray],
) -> classification_pb2.ClassificationResponse:
    """Returns the answer to `request`; raises ServingError if the outputs are no classes."""
    for alias, array in outputs.items():
        _check_output(alias, array, computation.rows)
    widths = {array.shape[1] for array in outputs.values()}
    if len(widths) > 1:
        raise invalid_argument(
            "Tensors class and score should match in dim_size(1). Got "
            f"{outputs[_CLASSES].shape[1]} vs. {outputs[_SCORES].shape[1]}"
        )
    answer = classification_pb2.ClassificationResponse()
    write_model_spec(answer.model_spec, request.model_spec.name, computation)
    labels, scores = outputs.get(_CLASSES), outputs.get(_SCORES)
    for row in range(computation.rows):
        classes = answer.result.classifications.add().classes
        for column in range(*widths):
            entry = classes.add()
            if labels is not None:
                entry.label = labels[row, column].decode("utf-8", "replace")
            if scores is not None:
                entry.score = scores[row, column]
    return answer


def _check_output(alias: str, array: np.ndarray, rows: int) -> None:
    name, dtype = _TYPES[alias]
    if array.ndim != 2:
        raise invalid_argument(
            "Expected Tensor shape: [batch_size num_classes] but got "
            f"[{','.join(map(str, array.shape))}]"
        )
    if array.dtype != dtype:
        raise invalid_argument(f"Expected {alias} Tensor of {name}. Got: {array.dtype}")
    if array.shape[0] != rows:
        raise invalid_argument(
            f"Expected {alias} output batch size of {rows}. Got: {array.shape[0]}"
        )
