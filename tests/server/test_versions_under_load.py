"""New versions arrive while clients ask: real SavedModels, real gRPC."""

import contextlib
import shutil
import threading

import grpc
import numpy as np
import pytest
import tensorflow as tf
import tiny_models
from running_server import running_server
from server_stubs import Stubs
from tensorflow_serving.apis import get_model_status_pb2, predict_pb2

SECONDS = 60
AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE
END = get_model_status_pb2.ModelVersionStatus.END
SHIFTS = {1: 0.0, 2: 100.0}


def request():
    made = predict_pb2.PredictRequest()
    made.model_spec.name = "tiny"
    made.inputs["text"].CopyFrom(tf.make_tensor_proto(["ab", "好吃"]))
    return made


class Load:
    """Clients that ask without a pause; `answers` holds the version and the scores of each."""

    def __init__(self, address, clients=4):
        self.answers = []
        self.errors = []
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._address = address
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(SECONDS)

    def wait_for_answers(self, count, version):
        """Waits until `count` more answers of `version` came."""
        seen = self._count(version)
        with self._changed:
            assert self._changed.wait_for(
                lambda: self.errors or self._count(version) >= seen + count, SECONDS
            )

    def _count(self, version):
        return sum(answered == version for answered, _ in self.answers)

    def _ask(self):
        stubs = Stubs(self._address)
        with stubs.channel:
            while not self._stop.is_set():
                try:
                    answer = stubs.prediction.Predict(request(), timeout=SECONDS)
                except grpc.RpcError as error:
                    self.errors.append(error)
                else:
                    scores = list(answer.outputs["probabilities"].float_val)
                    self.answers.append((answer.model_spec.version.value, scores))
                with self._changed:
                    self._changed.notify_all()


def arrive(base, number, folder, change=lambda _: None):
    """Makes a copy of a SavedModel appear as a version at once, as exports do."""
    unfinished = base / "unfinished"
    shutil.copytree(folder, unfinished)
    change(unfinished)
    unfinished.rename(base / str(number))


def states(stubs):
    asked = get_model_status_pb2.GetModelStatusRequest()
    asked.model_spec.name = "tiny"
    answer = stubs.model.GetModelStatus(asked, timeout=SECONDS)
    return {e.version: (e.state, e.status.error_message) for e in answer.model_version_status}


@pytest.fixture
def served(tmp_path, classifier_folder):
    arrive(tmp_path, 1, classifier_folder)
    with running_server(tmp_path) as server, contextlib.ExitStack() as stack:
        stubs = Stubs(server.address)
        stack.callback(stubs.channel.close)
        yield server, stubs


def test_a_new_version_takes_over_with_no_failed_request(served, tmp_path, other_classifier_folder):
    server, stubs = served

    def add_warmup(folder):
        log = tiny_models.predict_log("serving_default", text=["warm"])
        tiny_models.write_warmup(folder, [log] * 3)

    with Load(server.address) as load:
        load.wait_for_answers(20, version=1)
        arrive(tmp_path, 2, other_classifier_folder, add_warmup)
        load.wait_for_answers(50, version=2)
    assert not load.errors
    versions = [version for version, _ in load.answers]
    assert set(versions) == {1, 2}
    for version, scores in load.answers:
        expected = [tiny_models.expected_scores(t, SHIFTS[version]) for t in ("ab", "好吃")]
        np.testing.assert_allclose(np.reshape(scores, [2, 3]), expected, rtol=1e-4, atol=1e-7)
    assert states(stubs)[2] == (AVAILABLE, "")


def spoil_graph(folder):
    (folder / "saved_model.pb").write_bytes(b"\xff\xff")


def spoil_variables(folder):
    data = next((folder / "variables").glob("*.data-*"))
    data.write_bytes(data.read_bytes()[:1])


def remove_graph(folder):
    (folder / "saved_model.pb").unlink()


def spoil_warmup(folder):
    bad = tiny_models.predict_log("serving_default", text=[tiny_models.POISON])
    tiny_models.write_warmup(folder, [bad])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoil_graph, "Version 2 of tiny cannot be loaded"),
        (spoil_variables, "Version 2 of tiny cannot be loaded"),
        (remove_graph, "Version 2 of tiny holds no saved_model.pb."),
        (spoil_warmup, "Warm-up record 1: assertion failed: [poisoned batch]"),
    ],
)
def test_a_broken_version_never_replaces_a_good_one(
    served, tmp_path, other_classifier_folder, change, message
):
    server, stubs = served
    arrive(tmp_path, 2, other_classifier_folder, change)
    with Load(server.address, clients=1) as load:
        while states(stubs).get(2, (None, ""))[0] != END:
            load.wait_for_answers(1, version=1)
        load.wait_for_answers(5, version=1)
    assert not load.errors
    assert {version for version, _ in load.answers} == {1}
    state, received = states(stubs)[2]
    assert state == END
    assert received.startswith(message)
    assert str(tmp_path) not in received
    assert states(stubs)[1] == (AVAILABLE, "")


@pytest.mark.slow
def test_many_versions_under_load_fail_no_request(served, tmp_path, classifier_folder):
    server, stubs = served
    with Load(server.address, clients=16) as load:
        load.wait_for_answers(50, version=1)
        held = slow_calls(stubs)
        for number in range(2, 12):
            arrive(tmp_path, number, classifier_folder)
            load.wait_for_answers(100, version=number)
            held += slow_calls(stubs)
            if number % 3 == 0:  # withdrawn versions and broken ones come in between
                arrive(tmp_path, 100 + number, classifier_folder, spoil_graph)
            if number > 4:
                shutil.rmtree(tmp_path / str(number - 3))
    assert not load.errors
    answered = [version for version, _ in load.answers]
    assert set(answered) == set(range(1, 12))
    for call in held:
        assert list(call.result().outputs["seconds"].double_val) == [0.3]
    assert states(stubs)[11] == (AVAILABLE, "")


def slow_calls(stubs):
    """Returns the futures of calls that are under way while versions change."""
    slow = predict_pb2.PredictRequest()
    slow.model_spec.name = "tiny"
    slow.model_spec.signature_name = "slow"
    slow.inputs["seconds"].CopyFrom(tf.make_tensor_proto(["0.3"]))
    return [stubs.prediction.Predict.future(slow, timeout=SECONDS) for _ in range(2)]
