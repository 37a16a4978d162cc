"""The official stubs of TensorFlow Serving's services."""

import grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc


class Stubs:
    """Stubs of both services on one channel to `address`; close `channel` when done."""

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None = None):
        if credentials is None:
            self.channel = grpc.insecure_channel(address)
        else:
            self.channel = grpc.secure_channel(address, credentials)
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.model = model_service_pb2_grpc.ModelServiceStub(self.channel)
