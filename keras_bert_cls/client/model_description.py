"""What a server says about a model: its signatures and the state of its versions."""

import dataclasses
from typing import Any

import grpc

_DTYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    6: "int8",
    7: "string",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    19: "float16",
}
_INITIALIZER = "__saved_model_init_op"
_STATES = {10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}
_CODES = {code.value[0]: code for code in grpc.StatusCode}


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """A tensor that a signature takes or gives.

    Attributes:
      dtype: TensorFlow's name of the type, such as "string" or "float32".
      shape: sizes, None for any; None as a whole where the rank is unknown.
    """

    dtype: str
    shape: tuple[int | None, ...] | None


@dataclasses.dataclass(frozen=True)
class SignatureSpec:
    """A signature of a model.

    Attributes:
      inputs: name -> tensor.
      outputs: name -> tensor.
      method_name: such as "tensorflow/serving/predict".
    """

    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
    method_name: str


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """The state of a version.

    Attributes:
      version: its number.
      state: "START", "LOADING", "AVAILABLE", "UNLOADING" or "END".
      code: OK, or why the version could not be loaded.
      message: the same in words.
    """

    version: int
    state: str
    code: grpc.StatusCode
    message: str


def signature_specs(signature_def_map: Any) -> dict[str, SignatureSpec]:
    """Returns name -> signature from a SignatureDefMap, without TensorFlow's own initializer."""
    return {
        name: SignatureSpec(
            inputs={alias: _tensor_spec(info) for alias, info in definition.inputs.items()},
            outputs={alias: _tensor_spec(info) for alias, info in definition.outputs.items()},
            method_name=definition.method_name,
        )
        for name, definition in signature_def_map.signature_def.items()
        if name != _INITIALIZER
    }


def version_statuses(response: Any) -> list[VersionStatus]:
    """Returns the versions of a GetModelStatusResponse, the newest first."""
    statuses = [
        VersionStatus(
            version=entry.version,
            state=_STATES.get(entry.state, f"state {entry.state}"),
            code=_CODES.get(entry.status.error_code, grpc.StatusCode.UNKNOWN),
            message=entry.status.error_message,
        )
        for entry in response.model_version_status
    ]
    return sorted(statuses, key=lambda status: status.version, reverse=True)


def _tensor_spec(info: Any) -> TensorSpec:
    sizes = tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)
    return TensorSpec(
        dtype=_DTYPES.get(info.dtype, f"dtype {info.dtype}"),
        shape=None if info.tensor_shape.unknown_rank else sizes,
    )
