"""What the server can be asked, apart from how the question travels.

The handlers of gRPC and of REST translate to and from these calls.
"""

import asyncio
from typing import Any, Protocol

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2
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

from keras_bert_cls.server import (
    classify,
    metadata,
    model_status,
    multi_inference,
    predict,
    regress,
)
from keras_bert_cls.server.batcher import Batcher
from keras_bert_cls.server.computation import Computation
from keras_bert_cls.server.config_reload import ConfigReload
from keras_bert_cls.server.model_manager import ModelManager
from keras_bert_cls.server.model_spec import require_model_spec
from keras_bert_cls.server.servable import Servable


class _Inference(Protocol):
    """What the modules predict, classify and regress have in common."""

    def prepare(self, servable: Servable, request: Any) -> Computation: ...

    def response(
        self, request: Any, computation: Computation, outputs: dict[str, np.ndarray]
    ) -> Any: ...


class Api:
    """Answers requests. Every method raises ServingError for what it cannot answer.

    A `deadline` is the time of `time.monotonic` after which no work on the request is begun.

    Args:
      models: finds the version that a request means.
      batcher: runs it.
      config_reload: takes new configs.
    """

    def __init__(self, models: ModelManager, batcher: Batcher, config_reload: ConfigReload):
        self._models = models
        self._batcher = batcher
        self._config_reload = config_reload

    @property
    def model_names(self) -> list[str]:
        """The names of the models, as the config has them."""
        return list(self._models.models)

    async def predict(
        self, request: predict_pb2.PredictRequest, deadline: float | None = None
    ) -> predict_pb2.PredictResponse:
        """Runs any signature on named tensors."""
        return await self._infer(predict, request, deadline)

    async def classify(
        self, request: classification_pb2.ClassificationRequest, deadline: float | None = None
    ) -> classification_pb2.ClassificationResponse:
        """Runs a classification signature on tf.Examples."""
        return await self._infer(classify, request, deadline)

    async def regress(
        self, request: regression_pb2.RegressionRequest, deadline: float | None = None
    ) -> regression_pb2.RegressionResponse:
        """Runs a regression signature on tf.Examples."""
        return await self._infer(regress, request, deadline)

    async def multi_inference(
        self, request: inference_pb2.MultiInferenceRequest, deadline: float | None = None
    ) -> inference_pb2.MultiInferenceResponse:
        """Runs several classification and regression signatures on the same tf.Examples."""
        answer = inference_pb2.MultiInferenceResponse()
        with self._models.lease(multi_inference.model_spec(request)) as servable:
            tasks = multi_inference.prepare(servable, request)
            runs = [self._batcher.run(task.computation, deadline) for task in tasks]
            # All have ended before an error gives the version back.
            results = await asyncio.gather(*runs, return_exceptions=True)
            for task, outputs in zip(tasks, results, strict=True):
                if isinstance(outputs, BaseException):
                    raise outputs
                task.write_result(outputs, answer.results.add())
        return answer

    async def model_metadata(
        self,
        request: get_model_metadata_pb2.GetModelMetadataRequest,
        deadline: float | None = None,
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Returns the signatures of a version."""
        require_model_spec(request)
        metadata.check_request(request)
        with self._models.lease(request.model_spec) as servable:
            return metadata.response(servable)

    async def model_status(
        self, request: get_model_status_pb2.GetModelStatusRequest, deadline: float | None = None
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Returns the states of a model's versions."""
        require_model_spec(request)
        statuses = self._models.statuses(request.model_spec.name)
        return model_status.response(request.model_spec, statuses)

    async def reload_config(
        self, request: model_management_pb2.ReloadConfigRequest, deadline: float | None = None
    ) -> model_management_pb2.ReloadConfigResponse:
        """Puts another config in force: other models, versions and labels."""
        await self._config_reload.reload(request.config)
        answer = model_management_pb2.ReloadConfigResponse()
        answer.status.SetInParent()
        return answer

    def signature_def(
        self, spec: model_pb2.ModelSpec, name: str
    ) -> meta_graph_pb2.SignatureDef | None:
        """Returns a signature of the version that `spec` means; None if it has none of the name."""
        with self._models.lease(spec) as servable:
            signature = servable.signature(name)
            return None if signature is None else signature.definition

    async def _infer(self, inference: _Inference, request: Any, deadline: float | None) -> Any:
        require_model_spec(request)
        with self._models.lease(request.model_spec) as servable:
            computation = inference.prepare(servable, request)
            outputs = await self._batcher.run(computation, deadline)
            return inference.response(request, computation, outputs)
