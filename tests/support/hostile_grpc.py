"""Seeded hostile gRPC requests for a server of the tiny classifier: a method and its bytes."""

import random

from google.protobuf.message import Message
from hostile_content import mutated, text
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

# "slow" would keep a worker as long as a text says.
_SIGNATURES = ("", "serving_default", "pair", "classify", "regress", "tokens", "x", "__init")
_INPUTS_OF = {"": ["text"], "serving_default": ["text"], "pair": ["text", "text_pair"]}
_INPUTS = ("text", "text_pair", "inputs", "ids", "x", "")
_FIELDS = ("float_val", "double_val", "int_val", "int64_val", "uint32_val", "half_val", "bool_val")
_EXAMPLE_REQUESTS = {
    "Classify": classification_pb2.ClassificationRequest,
    "Regress": regression_pb2.RegressionRequest,
}


def hostile_call(generator: random.Random) -> tuple[str, bytes]:
    """Returns "Service/Method" and a serialized request."""
    method = generator.choice(
        ("Predict", "Predict", "Predict", "Classify", "Regress", "MultiInference", "Model")
    )
    if method == "Model":
        return _model_call(generator)
    service = f"PredictionService/{method}"
    if generator.randrange(10) == 0:
        return service, generator.randbytes(generator.randrange(60))
    request = _request(generator, method).SerializeToString()
    return service, mutated(generator, request) if generator.randrange(4) == 0 else request


def _request(generator: random.Random, method: str) -> Message:
    if method == "Predict":
        return _predict_request(generator)
    if method == "MultiInference":
        request = inference_pb2.MultiInferenceRequest()
        for _ in range(generator.randrange(3)):
            kind = generator.choice(("classify", "regress", "predict"))
            task = request.tasks.add(method_name=f"tensorflow/serving/{kind}")
            _fill_spec(generator, task.model_spec)
    else:
        request = _EXAMPLE_REQUESTS[method]()
        _fill_spec(generator, request.model_spec)
    _fill_examples(generator, request.input)
    return request


def _predict_request(generator: random.Random) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    _fill_spec(generator, request.model_spec)
    if generator.randrange(2):  # right but for what is in it
        rows = generator.randrange(8)
        for name in _INPUTS_OF.get(request.model_spec.signature_name, ["text"]):
            tensor = request.inputs[name]
            tensor.dtype = 7
            tensor.tensor_shape.dim.add(size=rows)
            tensor.string_val.extend(text(generator) for _ in range(rows))
        return request
    for _ in range(generator.choice((0, 1, 1, 1, 2))):
        _fill_tensor(generator, request.inputs[generator.choice(_INPUTS)])
    if generator.randrange(8) == 0:
        request.output_filter.extend(generator.choices(("label", "score", "x", ""), k=2))
    return request


def _fill_spec(generator: random.Random, spec: model_pb2.ModelSpec) -> None:
    spec.name = generator.choice(("tiny",) * 8 + ("", "m", "../tiny", "tiny\x00"))
    spec.signature_name = generator.choice(_SIGNATURES)
    match generator.randrange(12):
        case 0:
            spec.version.value = generator.choice((1, 0, -1, 2**63 - 1))
        case 1:
            spec.version_label = generator.choice(("stable", "", "../1"))


def _fill_tensor(generator: random.Random, tensor: tensor_pb2.TensorProto) -> None:
    rows = generator.randrange(5)
    tensor.dtype = generator.choice((7,) * 6 + (1, 3, 9, 0, 10, 19, 20, 21, 101, 999))
    sizes = generator.choice(
        ([rows],) * 6 + ([], [rows, 2], [2, rows, 2], [-1], [2**40], [2**62, 4])
    )
    for size in sizes:
        tensor.tensor_shape.dim.add(size=size)
    tensor.tensor_shape.unknown_rank = generator.randrange(30) == 0
    if tensor.dtype == 7:
        tensor.string_val.extend(text(generator) for _ in range(rows))
    elif generator.randrange(3):
        field = getattr(tensor, generator.choice(_FIELDS))
        field.extend(generator.choice((0, 1)) for _ in range(rows))
    if generator.randrange(12) == 0:
        tensor.tensor_content = generator.randbytes(generator.randrange(40))


def _fill_examples(generator: random.Random, examples) -> None:
    target = examples.example_list
    if generator.randrange(5) == 0:
        target = examples.example_list_with_context
        target.context.features.feature["text"].bytes_list.value.append(text(generator))
    for _ in range(generator.randrange(4)):
        features = target.examples.add().features
        feature = features.feature[generator.choice(("text",) * 6 + ("x", ""))]
        match generator.randrange(10):
            case 0:
                feature.int64_list.value.append(1)
            case 1:
                feature.float_list.value.append(float("nan"))
            case _:
                count = generator.choice((1, 1, 1, 0, 3))
                feature.bytes_list.value.extend(text(generator) for _ in range(count))


def _model_call(generator: random.Random) -> tuple[str, bytes]:
    match generator.randrange(3):
        case 0:
            status = get_model_status_pb2.GetModelStatusRequest()
            _fill_spec(generator, status.model_spec)
            return "ModelService/GetModelStatus", status.SerializeToString()
        case 1:
            metadata = get_model_metadata_pb2.GetModelMetadataRequest()
            _fill_spec(generator, metadata.model_spec)
            metadata.metadata_field.append(generator.choice(("signature_def", "x")))
            return "PredictionService/GetModelMetadata", metadata.SerializeToString()
    # Every one names a folder that the server's owner did not name, so none may have an effect.
    reload = model_management_pb2.ReloadConfigRequest()
    reload.config.model_config_list.config.add(
        name=generator.choice(("tiny", "m", "")),
        base_path=generator.choice(("/", "/etc", "/tmp/../etc", "/proc/self", "/x\x00y")),
        model_platform="tensorflow",
    )
    return "ModelService/HandleReloadConfigRequest", reload.SerializeToString()
