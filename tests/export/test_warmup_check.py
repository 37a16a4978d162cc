"""The check of warm-up files."""

import shutil
import struct

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_serving.apis import prediction_log_pb2

from keras_bert_cls.export.compatibility import check_saved_model
from keras_bert_cls.export.finding import Severity
from keras_bert_cls.export.requests import build_request
from keras_bert_cls.export.saved_graph import SavedGraph, read_saved_model
from keras_bert_cls.export.signature_check import served_signatures
from keras_bert_cls.export.warmup import WARMUP_FILE, write_warmup
from keras_bert_cls.export.warmup_check import check_warmup


@pytest.fixture(scope="module")
def export(exported):
    return exported("single_label")


@pytest.fixture(scope="module")
def signatures(export):
    (meta_graph,) = read_saved_model(export.folder).meta_graphs
    return served_signatures(SavedGraph(meta_graph))


def predict(signature="serving_default", **inputs):
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = signature
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return log


def filtered():
    log = predict(text=["a"])
    log.predict_log.request.output_filter.append("furlongs")
    return log


def no_tensor():
    log = predict(text=["a"])
    log.predict_log.request.inputs["text"].string_val.append(b"b")
    return log


def classify(signature, examples):
    log = prediction_log_pb2.PredictionLog()
    log.classify_log.request.model_spec.signature_name = signature
    for _ in range(examples):
        log.classify_log.request.input.example_list.examples.add()
    return log


def multi_inference(signature):
    log = prediction_log_pb2.PredictionLog()
    request = log.multi_inference_log.request
    request.tasks.add().model_spec.signature_name = signature
    request.input.example_list.examples.add()
    return log


def session_run():
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.SetInParent()
    return log


IDS = np.ones([2, 3], np.int32)


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (predict("gone", text=["a"]), "asks for signature gone; there are classify, embed"),
        (predict(texts=["a"]), "sends ['texts'], the signature takes ['text']"),
        (predict(), "sends [], the signature takes ['text']"),
        (predict(text=[1.0]), "input text is float32, the signature takes string"),
        (predict(text="a"), "input text has shape [], the signature takes (None,)"),
        (predict(text=[["a"]]), "input text has shape [1, 1]"),
        (
            predict("tokens", token_ids=IDS, segment_ids=IDS, padding_mask=IDS[0]),
            "input padding_mask has shape [3], the signature takes (None, None)",
        ),
        (filtered(), "asks for outputs that are not there: ['furlongs']"),
        (no_tensor(), "input text is no tensor"),
        (classify("classify", 0), "has no examples"),
        (classify("tokens", 1), "sends tf.Examples, the signature takes"),
        (classify("gone", 1), "asks for signature gone"),
        (multi_inference("gone"), "asks for signature gone"),
        (session_run(), "is a session_run_log, which a server does not replay"),
        (prediction_log_pb2.PredictionLog(), "is a None"),
    ],
)
def test_records_that_a_server_refuses(export, signatures, tmp_path, log, message):
    write_warmup(tmp_path, [build_request(export.trained, "embed", [b"a"]), log])
    (finding,) = check_warmup(tmp_path, signatures)
    assert finding.severity is Severity.ERROR
    assert message in finding.message
    assert finding.where == f"record 2 of {WARMUP_FILE}"


def test_records_that_a_server_takes(export, signatures, tmp_path):
    logs = [predict("", text=["a"]), multi_inference("classify"), classify("classify", 1)]
    write_warmup(tmp_path, logs)
    (finding,) = check_warmup(tmp_path, signatures)
    assert (finding.severity, finding.message) == (Severity.OK, "3 requests")


def test_the_limit(signatures, tmp_path):
    for count, severity in ((1000, Severity.OK), (1001, Severity.ERROR)):
        write_warmup(tmp_path, [predict(text=["a"])] * count)
        (finding,) = check_warmup(tmp_path, signatures)
        assert finding.severity is severity


def test_records_that_are_no_predictions(signatures, tmp_path):
    (tmp_path / "assets.extra").mkdir()
    with tf.io.TFRecordWriter(str(tmp_path / WARMUP_FILE)) as writer:
        writer.write(b"\xff\xff\xff")
    (finding,) = check_warmup(tmp_path, signatures)
    assert finding.message == "is no PredictionLog"


def test_no_file(signatures, tmp_path):
    (finding,) = check_warmup(tmp_path, signatures)
    assert finding.severity is Severity.WARNING


def test_a_truncated_file_stops_the_model(export, tmp_path):
    folder = shutil.copytree(export.folder, tmp_path / "m")
    file = folder / WARMUP_FILE
    file.write_bytes(file.read_bytes()[:-3])
    wrong = [f for f in check_saved_model(folder) if f.severity is Severity.ERROR]
    assert [finding.check for finding in wrong] == ["warm-up"]
    assert wrong[0].message == "is cut off or damaged"


def record_ends(raw):
    """Where the records of a TFRecord file end: length, its checksum, data, its checksum."""
    ends = [0]
    while ends[-1] < len(raw):
        (length,) = struct.unpack_from("<Q", raw, ends[-1])
        ends.append(ends[-1] + 8 + 4 + length + 4)
    return ends


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_a_cut_or_a_flipped_byte_anywhere_is_seen(tmp_path_factory, export, signatures, data):
    raw = (export.folder / WARMUP_FILE).read_bytes()
    folder = tmp_path_factory.mktemp("cut")
    (folder / "assets.extra").mkdir()
    cut = data.draw(st.integers(1, len(raw)) | st.sampled_from(record_ends(raw)[1:]))
    (folder / WARMUP_FILE).write_bytes(raw[:cut])
    (finding,) = check_warmup(folder, signatures)
    assert (finding.severity is Severity.OK) == (cut in record_ends(raw)), finding
    place = data.draw(st.integers(0, len(raw) - 1))
    flipped = bytes([*raw[:place], raw[place] ^ data.draw(st.integers(1, 255)), *raw[place + 1 :]])
    (folder / WARMUP_FILE).write_bytes(flipped)
    (finding,) = check_warmup(folder, signatures)
    assert finding.severity is Severity.ERROR
