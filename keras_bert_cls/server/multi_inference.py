"""The MultiInference API: several classifications and regressions of the same tf.Examples."""

import dataclasses
from types import ModuleType
from typing import Any

import grpc
import numpy as np
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    model_pb2,
    regression_pb2,
)

from keras_bert_cls.server import classify, regress
from keras_bert_cls.server.computation import Computation
from keras_bert_cls.server.model_spec import signature_name
from keras_bert_cls.server.servable import Servable
from keras_bert_cls.server.status_errors import ServingError, invalid_argument

# Method name -> how one task is done, its request, and where its result goes in the answer.
_METHODS: dict[str, tuple[ModuleType, Any, str]] = {
    "tensorflow/serving/classify": (
        classify,
        classification_pb2.ClassificationRequest,
        "classification_result",
    ),
    "tensorflow/serving/regress": (regress, regression_pb2.RegressionRequest, "regression_result"),
}


@dataclasses.dataclass(frozen=True)
class Task:
    """One of the tasks, checked.

    Attributes:
      request: the Classify or Regress request that asks the same.
      computation: what is to be run.
    """

    request: Any
    computation: Computation
    _api: ModuleType
    _field: str

    def write_result(
        self, outputs: dict[str, np.ndarray], result: inference_pb2.InferenceResult
    ) -> None:
        """Fills an empty `result`; raises ServingError if the outputs are no result."""
        response = self._api.response(self.request, self.computation, outputs)
        result.model_spec.CopyFrom(response.model_spec)
        getattr(result, self._field).CopyFrom(response.result)


def model_spec(request: inference_pb2.MultiInferenceRequest) -> model_pb2.ModelSpec:
    """Returns the spec that says which version answers: that of the first task."""
    return request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()


def prepare(servable: Servable, request: inference_pb2.MultiInferenceRequest) -> list[Task]:
    """Checks a request, in the order of TensorFlow Serving's own checks.

    Raises:
      ServingError: the request does not fit the model.
    """
    _check_names(servable, request)
    tasks = [_prepare_task(servable, task, request) for task in request.tasks]
    feeds = {
        info.name
        for task in tasks
        for info in task.computation.signature.definition.inputs.values()
    }
    if len(feeds) > 1:
        raise invalid_argument("Input tensor must be the same for all Signatures.")
    return tasks


def _check_names(servable: Servable, request: inference_pb2.MultiInferenceRequest) -> None:
    names = set()
    for task in request.tasks:
        if not task.model_spec.name:
            raise invalid_argument("Found ModelSpec with an empty model name.")
        if task.model_spec.name != request.tasks[0].model_spec.name:
            raise invalid_argument(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        name = signature_name(task.model_spec)
        if name in names:
            raise invalid_argument(f"Duplicate evaluation of signature: {name}")
        names.add(name)
        if servable.signature(name) is None:
            raise invalid_argument(f"Requested signature not found in model graph: {name}")
        if task.method_name not in _METHODS:
            raise ServingError(
                grpc.StatusCode.UNIMPLEMENTED,
                f"Unsupported signature method_name: {task.method_name}",
            )


def _prepare_task(
    servable: Servable,
    task: inference_pb2.InferenceTask,
    request: inference_pb2.MultiInferenceRequest,
) -> Task:
    api, request_type, field = _METHODS[task.method_name]
    single = request_type(model_spec=task.model_spec, input=request.input)
    return Task(single, api.prepare(servable, single), api, field)
