"""What the server can be asked, apart from how the question travels.

gRPC handlers, and whatever other protocol comes, translate to and from these calls.
"""

from typing import Any, Protocol

import numpy as np
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
    regression_pb2,
)

from keras_bert_cls.server import classify, metadata, model_status, predict, regress
from keras_bert_cls.server.batcher import Batcher
from keras_bert_cls.server.computation import Computation
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
    """

    def __init__(self, models: ModelManager, batcher: Batcher):
        self._models = models
        self._batcher = batcher

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

    async def _infer(self, inference: _Inference, request: Any, deadline: float | None) -> Any:
        require_model_spec(request)
        with self._models.lease(request.model_spec) as servable:
            computation = inference.prepare(servable, request)
            outputs = await self._batcher.run(computation, deadline)
            return inference.response(request, computation, outputs)
