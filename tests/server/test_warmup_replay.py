"""The warm-up file of an export is replayed as TensorFlow Serving replays it."""

import pathlib
import shutil

import grpc
import pytest
import tiny_models
from tensorflow_serving.apis import prediction_log_pb2

from keras_bert_cls.server import warmup
from keras_bert_cls.server.servable import SessionOptions, load_servable
from keras_bert_cls.server.status_errors import ServingError

INVALID = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture(scope="module")
def servable(classifier_folder):
    loaded = load_servable("tiny", 1, classifier_folder, SessionOptions())
    yield loaded
    loaded.close()


def example_log(kind, signature):
    log = prediction_log_pb2.PredictionLog()
    request = getattr(log, kind).request
    request.model_spec.signature_name = signature
    example = request.input.example_list.examples.add()
    example.features.feature["text"].bytes_list.value.append(b"warm")
    return log.SerializeToString()


def multi_inference_log():
    log = prediction_log_pb2.PredictionLog()
    request = log.multi_inference_log.request
    task = request.tasks.add(method_name="tensorflow/serving/classify")
    task.model_spec.name = "any"
    task.model_spec.signature_name = "classify"
    example = request.input.example_list.examples.add()
    example.features.feature["text"].bytes_list.value.append(b"warm")
    return log.SerializeToString()


def session_run_log():
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.request.feed.add()
    return log.SerializeToString()


def good_log():
    return tiny_models.predict_log("serving_default", text=["a", "b"])


def test_every_kind_of_record(tmp_path, servable, monkeypatch):
    ran = []
    run = servable.run

    def recording(signature, inputs, outputs):
        ran.append(signature.name)
        return run(signature, inputs, outputs)

    monkeypatch.setattr(servable, "run", recording)
    tiny_models.write_warmup(
        tmp_path,
        [
            good_log(),
            example_log("classify_log", "classify"),
            example_log("regress_log", "regress"),
            multi_inference_log(),
        ],
    )
    assert warmup.replay(servable, tmp_path) == 4
    assert ran == ["serving_default", "classify", "regress", "classify"]
    assert warmup.replay(servable, tmp_path, iterations=3) == 4
    assert len(ran) == 4 * (1 + 3)


def test_no_file_is_fine(tmp_path, servable):
    assert warmup.replay(servable, tmp_path) == 0


@pytest.mark.parametrize(
    ("records", "code", "message"),
    [
        ([good_log(), b"\xff\xff"], INVALID, "Failed to parse warmup record 2"),
        (
            [tiny_models.predict_log("x", text=["a"])],
            grpc.StatusCode.FAILED_PRECONDITION,
            'Warm-up record 1: Serving signature key "x" not found.',
        ),
        (
            [session_run_log()],
            grpc.StatusCode.UNIMPLEMENTED,
            "Unsupported log_type for warmup: session_run_log",
        ),
        ([good_log()] * 1001, INVALID, "Number of warmup records exceeds the maximum (1000)"),
    ],
)
def test_bad_records(tmp_path, servable, records, code, message):
    tiny_models.write_warmup(tmp_path, records)
    with pytest.raises(ServingError) as caught:
        warmup.replay(servable, tmp_path)
    assert (caught.value.code, caught.value.message) == (code, message)


def test_a_cut_file(tmp_path, servable):
    tiny_models.write_warmup(tmp_path, [good_log(), good_log()])
    file = tmp_path / pathlib.Path(warmup.WARMUP_FILE)
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(ServingError, match="Warm-up record 2 is damaged") as caught:
        warmup.replay(servable, tmp_path)
    assert caught.value.code == grpc.StatusCode.DATA_LOSS


def test_a_file_that_is_no_tfrecord(tmp_path, servable):
    tiny_models.write_warmup(tmp_path, [])
    (tmp_path / warmup.WARMUP_FILE).write_text("these are no records at all, but text")
    with pytest.raises(ServingError, match="Warm-up record 1 is damaged"):
        warmup.replay(servable, tmp_path)


def test_the_first_request_needs_no_new_callable(tmp_path, classifier_folder):
    folder = tmp_path / "1"
    shutil.copytree(classifier_folder, folder)
    tiny_models.write_warmup(folder, [good_log()])
    servable = load_servable("tiny", 1, folder, SessionOptions())
    warmup.replay(servable, folder)
    compiled = servable._callable.cache_info().misses
    warmup.replay(servable, folder)
    assert servable._callable.cache_info().misses == compiled
    servable.close()
