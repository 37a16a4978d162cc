"""The Regress API: tf.Examples in, a number for each."""

import numpy as np
from tensorflow_serving.apis import regression_pb2

from keras_bert_cls.server import examples
from keras_bert_cls.server.computation import Computation, checked_computation
from keras_bert_cls.server.model_spec import write_model_spec
from keras_bert_cls.server.servable import Servable
from keras_bert_cls.server.status_errors import failed_precondition, invalid_argument

_OUTPUTS = "outputs"  # tf.saved_model.REGRESS_OUTPUTS


def prepare(servable: Servable, request: regression_pb2.RegressionRequest) -> Computation:
    """Checks a request, in the order of TensorFlow Serving's own checks.

    Raises:
      ServingError: the request does not fit the model.
    """
    signature = examples.find_signature(servable, request.model_spec)
    definition = signature.definition
    if len(definition.inputs) == 1 and len(definition.outputs) != 1:
        raise invalid_argument("Expected one output Tensor.")
    examples.check_example_input(definition, "regression")
    if _OUTPUTS not in definition.outputs:
        raise failed_precondition(f"No regression outputs found in SignatureDef: {definition}")
    inputs = {examples.INPUTS: examples.serialized_examples(request.input)}
    return checked_computation(servable, signature, inputs, (_OUTPUTS,), "Regress")


def response(
    request: regression_pb2.RegressionRequest,
    computation: Computation,
    outputs: dict[str, np.ndarray],
) -> regression_pb2.RegressionResponse:
    """Returns the answer to `request`; raises ServingError if the output is no number a row."""
    values = outputs[_OUTPUTS]
    if values.ndim != 1 and values.shape[1:] != (1,):
        raise invalid_argument(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
            f"[{','.join(map(str, values.shape))}]"
        )
    if values.shape[0] != computation.rows:
        raise invalid_argument(
            "Input batch size did not match output batch size: "
            f"{computation.rows} vs. {values.shape[0]}"
        )
    if values.dtype != np.float32:
        raise invalid_argument(f"Expected output Tensor of DT_FLOAT.  Got: {values.dtype}")
    answer = regression_pb2.RegressionResponse()
    write_model_spec(answer.model_spec, request.model_spec.name, computation)
    for value in values.ravel().tolist():
        answer.result.regressions.add(value=value)
    return answer
