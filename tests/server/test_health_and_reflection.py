"""The standard side services, asked through their official stubs."""

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from running_server import running_server
from server_requests import model_config, reload_request
from server_stubs import Stubs

SECONDS = 30
SERVICES = {"tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"}


@pytest.mark.parametrize("service", ["", "tiny", *sorted(SERVICES)])
def test_what_serves_is_healthy(stubs, service):
    health = health_pb2_grpc.HealthStub(stubs.channel)
    answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=SECONDS)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_health_of_the_unknown(stubs):
    health = health_pb2_grpc.HealthStub(stubs.channel)
    with pytest.raises(grpc.RpcError) as caught:
        health.Check(health_pb2.HealthCheckRequest(service="m"), timeout=SECONDS)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_watchers_learn_that_the_server_stops(tmp_path, classifier_folder):
    (tmp_path / "1").symlink_to(classifier_folder)
    with running_server(tmp_path, drain_seconds=1) as server:
        watching = Stubs(server.address)
        answers = health_pb2_grpc.HealthStub(watching.channel).Watch(
            health_pb2.HealthCheckRequest(service="tiny"), timeout=SECONDS
        )
        assert next(answers).status == health_pb2.HealthCheckResponse.SERVING
    assert next(answers).status == health_pb2.HealthCheckResponse.NOT_SERVING
    watching.channel.close()


def reflect(stubs, **request):
    reflection = reflection_pb2_grpc.ServerReflectionStub(stubs.channel)
    requests = iter([reflection_pb2.ServerReflectionRequest(**request)])
    (answer,) = reflection.ServerReflectionInfo(requests, timeout=SECONDS)
    return answer


def test_reflection_lists_the_services(stubs):
    listed = {s.name for s in reflect(stubs, list_services="").list_services_response.service}
    assert listed >= SERVICES | {"grpc.health.v1.Health"}


@pytest.mark.parametrize(
    ("service", "method", "input_type"),
    [
        ("PredictionService", "Predict", "PredictRequest"),
        ("ModelService", "GetModelStatus", "GetModelStatusRequest"),
        ("PredictionService", "MultiInference", "MultiInferenceRequest"),
        ("ModelService", "HandleReloadConfigRequest", "ReloadConfigRequest"),
    ],
)
def test_reflection_describes_the_services(stubs, service, method, input_type):
    answer = reflect(stubs, file_containing_symbol=f"tensorflow.serving.{service}")
    pool = descriptor_pool.DescriptorPool()  # knows only what the server tells
    add_with_dependencies(stubs, pool, answer, set())
    described = pool.FindServiceByName(f"tensorflow.serving.{service}")
    input_of_method = described.FindMethodByName(method).input_type
    assert input_of_method.full_name == f"tensorflow.serving.{input_type}"
    assert input_of_method.fields[0].number == 1


def add_with_dependencies(stubs, pool, answer, known):
    """Adds the files of a reflection answer and, before them, the files that they import."""
    for serialized in answer.file_descriptor_response.file_descriptor_proto:
        file = descriptor_pb2.FileDescriptorProto.FromString(serialized)
        if file.name in known:
            continue
        known.add(file.name)
        for dependency in file.dependency:
            if dependency not in known:
                found = reflect(stubs, file_by_filename=dependency)
                add_with_dependencies(stubs, pool, found, known)
        pool.Add(file)


def test_health_follows_the_models(tmp_path, classifier_folder):
    (tmp_path / "1").symlink_to(classifier_folder)
    with running_server(tmp_path) as server:
        stubs = Stubs(server.address)
        health = health_pb2_grpc.HealthStub(stubs.channel)
        with stubs.channel:
            entry = model_config("other", tmp_path)
            stubs.model.HandleReloadConfigRequest(reload_request(entry), timeout=SECONDS)
            for service, status in (("other", "SERVING"), ("tiny", "NOT_SERVING")):
                answers = health.Watch(
                    health_pb2.HealthCheckRequest(service=service), timeout=SECONDS
                )
                wanted = health_pb2.HealthCheckResponse.ServingStatus.Value(status)
                assert any(answer.status == wanted for answer in answers)
                answers.cancel()
