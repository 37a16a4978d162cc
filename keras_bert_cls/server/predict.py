"""The Predict API: named tensors in, named tensors out."""

import numpy as np
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import predict_pb2

from keras_bert_cls.server import tensors
from keras_bert_cls.server.computation import Computation, checked_computation
from keras_bert_cls.server.model_spec import signature_name, write_model_spec
from keras_bert_cls.server.servable import Servable
from keras_bert_cls.server.status_errors import failed_precondition, invalid_argument


def prepare(servable: Servable, request: predict_pb2.PredictRequest) -> Computation:
    """Checks a request, in the order of TensorFlow Serving's own checks.

    Raises:
      ServingError: the request does not fit the model.
    """
    name = signature_name(request.model_spec)
    signature = servable.signature(name)
    if signature is None:
        raise failed_precondition(f'Serving signature key "{name}" not found.')
    _check_input_count(signature.definition, request)
    arrays = _input_arrays(signature.definition, request)
    outputs = _wanted_outputs(signature.definition, request)
    return checked_computation(servable, signature, arrays, outputs, "Predict")


def response(
    request: predict_pb2.PredictRequest, computation: Computation, outputs: dict[str, np.ndarray]
) -> predict_pb2.PredictResponse:
    """Returns the answer to `request`."""
    answer = predict_pb2.PredictResponse()
    write_model_spec(answer.model_spec, request.model_spec.name, computation)
    for alias, array in outputs.items():
        tensors.write_tensor(array, answer.outputs[alias])
    return answer


def _check_input_count(
    definition: meta_graph_pb2.SignatureDef, request: predict_pb2.PredictRequest
) -> None:
    sent, declared = set(request.inputs), set(definition.inputs)
    if len(sent) == len(declared) or (len(sent) < len(declared) and definition.defaults):
        return
    raise invalid_argument(
        f"input size does not match signature: {len(sent)}!={len(declared)} "
        f"len({_braces(sent)}) != len({_braces(declared)}). "
        f"Sent extra: {_braces(sent - declared)}. "
        f"Missing but required: {_braces(declared - sent)}."
    )


def _input_arrays(
    definition: meta_graph_pb2.SignatureDef, request: predict_pb2.PredictRequest
) -> dict[str, np.ndarray]:
    arrays = {}
    for alias in sorted(definition.inputs):
        if alias in request.inputs:
            proto = request.inputs[alias]
        elif alias in definition.defaults:
            proto = definition.defaults[alias]
        else:
            raise invalid_argument(
                f"Signature input alias: {alias}(feed name: {definition.inputs[alias].name}) not "
                "found in request and no default value provided. Inputs expected to be in the "
                f"request {_braces(request.inputs)}, or default input alias set: "
                f"{','.join(sorted(definition.defaults))}"
            )
        arrays[alias] = _array(alias, proto)
    unknown = set(request.inputs) - set(definition.inputs)
    if unknown:
        used = ",".join(sorted(set(request.inputs) - unknown))
        raise invalid_argument(
            f"Inputs contains invalid name. Used request inputs: {used}, "
            f"request input: {','.join(sorted(request.inputs))}"
        )
    return arrays


def _array(alias: str, proto: tensor_pb2.TensorProto) -> np.ndarray:
    try:
        return tensors.array_of(proto)
    except ValueError as error:
        raise invalid_argument(f"tensor parsing error: {alias}") from error


def _wanted_outputs(
    definition: meta_graph_pb2.SignatureDef, request: predict_pb2.PredictRequest
) -> tuple[str, ...]:
    wanted: list[str] = []
    for alias in request.output_filter:
        if alias not in definition.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {alias} "
                f"Outputs expected to be in the set {_braces(definition.outputs)}."
            )
        if alias in wanted:
            raise invalid_argument(f"duplicate output tensor alias: {alias}")
        wanted.append(alias)
    return tuple(wanted or definition.outputs)


def _braces(names) -> str:
    return "{" + ",".join(sorted(names)) + "}"
