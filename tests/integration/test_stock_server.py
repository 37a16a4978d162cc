"""The protocol, asked of our server and of a stock TensorFlow Serving: the same tests for both.

The stock server is the binary that the variable TENSORFLOW_MODEL_SERVER names, such as
/usr/bin/tensorflow_model_server; without it, its half is skipped.
"""

import concurrent.futures
import json
import shutil
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
import server_kinds
import server_requests as requests
import stock_server
import tiny_models
from protocol_cases import MAX_BATCH_SIZE, REFUSALS
from rest_cases import REST_REFUSALS
from server_requests import SECONDS, predict_request
from server_stubs import Stubs
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
)

if not stock_server.is_named():

    def test_against_a_stock_server():
        pytest.skip(f"{stock_server.VARIABLE} names no tensorflow_model_server to test against")


AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE
TEXTS = ["", "好吃！", "a rather long text about nothing"]


@pytest.fixture(scope="module")
def classifiers(tmp_path_factory):
    """Two saved classifiers; the second scores texts as if they were 100 bytes longer."""
    folder = tmp_path_factory.mktemp("classifiers")
    for number, shift in ((1, 0.0), (2, 100.0)):
        tiny_models.write_classifier(folder / str(number), shift)
    return folder


@pytest.fixture(scope="module")
def batching_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("batching") / "batching.config"
    file.write_text(
        f"max_batch_size {{ value: {MAX_BATCH_SIZE} }} batch_timeout_micros {{ value: 2000 }} "
        "num_batch_threads { value: 2 } max_enqueued_batches { value: 100 }"
    )
    return file


@pytest.fixture(scope="module", params=server_kinds.KINDS)
def server(request, tmp_path_factory, classifiers, batching_file):
    """A server of the classifier as version 3 of "tiny"."""
    base = tmp_path_factory.mktemp("base")
    shutil.copytree(classifiers / "1", base / "3")
    flags = {"model_base_path": base, "batching_parameters_file": batching_file}
    log = base.parent / "server.log"
    with server_kinds.serving(request.param, log, enable_batching=True, **flags) as running:
        yield running


@pytest.fixture(scope="module")
def stubs(server):
    connected = Stubs(server.address)
    with connected.channel:
        yield connected


def http(server, path, body=None, method=None):
    """Asks over HTTP; returns status and parsed answer."""
    url = f"http://{server.rest_address}/v1/models{path}"
    data = body.encode() if body is not None else None
    asked = urllib.request.Request(url, data, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def post(server, path, **document):
    return http(server, path, json.dumps(document), "POST")


def states(stubs, model="tiny"):
    answer = stubs.model.GetModelStatus(requests.status_request(model), timeout=SECONDS)
    return {entry.version: entry.state for entry in answer.model_version_status}


def assert_scores(rows, texts, shift=0.0):
    expected = [tiny_models.expected_scores(text, shift) for text in texts]
    np.testing.assert_allclose(np.reshape(rows, [-1, 3]), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("case", REFUSALS, ids=str)
def test_refusals(server, stubs, case):
    is_model = case.method in ("GetModelStatus", "HandleReloadConfigRequest")
    method = getattr(stubs.model if is_model else stubs.prediction, case.method)
    code, message = requests.refusal(method, case.request)
    assert code == case.code
    if server.kind == "embedded" or not case.message_is_ours:
        assert message == case.message


@pytest.mark.parametrize("case", REST_REFUSALS, ids=str)
def test_rest_refusals(server, case):
    body = case.body if case.method == "POST" else None
    status, answer = http(server, case.path, body, case.method)
    assert status == case.status
    if server.kind == "embedded" or not case.error_is_ours:
        assert answer["error"].startswith(case.error)


def test_predict_answers_in_typed_fields(stubs):
    answer = stubs.prediction.Predict(predict_request(text=TEXTS), timeout=SECONDS)
    probabilities = answer.outputs["probabilities"]
    assert [dim.size for dim in probabilities.tensor_shape.dim] == [3, 3]
    assert not probabilities.tensor_content
    assert_scores(probabilities.float_val, TEXTS)
    assert list(answer.outputs["label"].string_val) == [b"short", b"medium", b"long"]
    assert answer.model_spec.name == "tiny"
    assert answer.model_spec.version.value == 3
    assert answer.model_spec.signature_name == "serving_default"


def test_output_filter_chooses(stubs):
    request = predict_request(text=["a"], output_filter=["score"])
    answer = stubs.prediction.Predict(request, timeout=SECONDS)
    assert set(answer.outputs) == {"score"}


def test_version_can_be_named(stubs):
    answer = stubs.prediction.Predict(predict_request(text=["a"], version=3), timeout=SECONDS)
    assert answer.model_spec.version.value == 3


def test_numeric_signature(stubs):
    request = predict_request(signature="tokens", ids=np.array([[1, 2, 3], [4, 5, 6]], np.int32))
    answer = stubs.prediction.Predict(request, timeout=SECONDS)
    assert list(answer.outputs["total"].int_val) == [6, 15]


def test_empty_batch_is_fine(stubs):
    request = predict_request(text=np.array([], object))
    answer = stubs.prediction.Predict(request, timeout=SECONDS)
    assert [d.size for d in answer.outputs["probabilities"].tensor_shape.dim] == [0, 3]


def test_invalid_utf8_is_fine(stubs):
    request = predict_request(text=[b"\xff\xfe\xfd"])
    answer = stubs.prediction.Predict(request, timeout=SECONDS)
    assert answer.outputs["label"].string_val == [b"short"]


def test_missing_values_repeat_the_last(stubs):
    request = predict_request(text=["aa"])
    request.inputs["text"].tensor_shape.dim[0].size = 3
    answer = stubs.prediction.Predict(request, timeout=SECONDS)
    assert len(answer.outputs["score"].float_val) == 3


def test_classify(stubs):
    answer = stubs.prediction.Classify(requests.classification(texts=TEXTS), timeout=SECONDS)
    rows = answer.result.classifications
    assert [[c.label for c in row.classes] for row in rows] == [list(tiny_models.LABELS)] * 3
    assert_scores([[c.score for c in row.classes] for row in rows], TEXTS)
    assert answer.model_spec.signature_name == "classify"
    assert answer.model_spec.version.value == 3


def test_classify_with_context(stubs):
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "tiny"
    request.model_spec.signature_name = "classify"
    with_context = request.input.example_list_with_context
    with_context.context.features.feature["text"].bytes_list.value.append(b"a" * 20)
    for _ in range(2):
        with_context.examples.add().features.feature["other"].int64_list.value.append(1)
    answer = stubs.prediction.Classify(request, timeout=SECONDS)
    for row in answer.result.classifications:
        assert_scores([entry.score for entry in row.classes], ["a" * 20])


def test_example_without_the_feature(stubs):
    request = requests.classification(feature="txet")
    code, message = requests.refusal(stubs.prediction.Classify, request)
    assert code == requests.INVALID
    assert "Feature: text (data type: string) is required but could not be found." in message


def test_regress(stubs):
    request = requests.regression(texts=["a", "", "好"])
    answer = stubs.prediction.Regress(request, timeout=SECONDS)
    assert [entry.value for entry in answer.result.regressions] == [1.0, 0.0, 3.0]
    assert answer.model_spec.signature_name == "regress"


@pytest.mark.parametrize(
    ("method", "request_", "message"),
    [
        (
            "Classify",
            requests.classification("slow"),
            "No classification inputs found in SignatureDef: ",
        ),
        (
            "Classify",
            requests.classification("regress"),
            'Expected classification signature outputs to contain at least one of "classes" or '
            '"scores". Signature was: ',
        ),
        ("Regress", requests.regression("slow"), "No regression inputs found in SignatureDef: "),
    ],
)
def test_signatures_for_something_else(stubs, method, request_, message):
    code, received = requests.refusal(getattr(stubs.prediction, method), request_)
    assert code == requests.PRECONDITION
    assert received.startswith(message)


@pytest.mark.parametrize("method", ["classify", "regress"])
def test_multi_inference(stubs, method):
    request = requests.multi_inference(("tiny", method, method), texts=["a", "bb"])
    (result,) = stubs.prediction.MultiInference(request, timeout=SECONDS).results
    assert result.model_spec.name == "tiny"
    assert result.model_spec.version.value == 3
    assert result.model_spec.signature_name == method
    if method == "classify":
        rows = result.classification_result.classifications
        assert_scores([[c.score for c in row.classes] for row in rows], ["a", "bb"])
    else:
        assert [r.value for r in result.regression_result.regressions] == [1.0, 2.0]


def test_metadata(stubs):
    answer = stubs.prediction.GetModelMetadata(requests.metadata_request(), timeout=SECONDS)
    assert answer.model_spec.name == "tiny"
    assert answer.model_spec.version.value == 3
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    pair = signatures.signature_def["pair"]
    assert set(pair.inputs) == {"text", "text_pair"}
    assert pair.inputs["text"].dtype == types_pb2.DT_STRING
    assert [d.size for d in pair.outputs["probabilities"].tensor_shape.dim] == [-1, 3]


@pytest.mark.parametrize("version", [None, 3])
def test_status(stubs, version):
    request = requests.status_request("tiny", version)
    (entry,) = stubs.model.GetModelStatus(request, timeout=SECONDS).model_version_status
    assert (entry.version, entry.state) == (3, AVAILABLE)
    assert entry.HasField("status")
    assert (entry.status.error_code, entry.status.error_message) == (0, "")


def test_rest_rows(server):
    status, answer = post(server, "/tiny:predict", instances=TEXTS)
    assert status == 200
    rows = answer["predictions"]
    assert [row["label"] for row in rows] == ["short", "medium", "long"]
    assert_scores([row["probabilities"] for row in rows], TEXTS)


def test_rest_columns(server):
    status, answer = post(server, "/tiny:predict", inputs={"text": TEXTS})
    assert status == 200
    assert_scores(answer["outputs"]["probabilities"], TEXTS)
    assert answer["outputs"]["label"] == ["short", "medium", "long"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"instances": [[1, 2], [3, 4]]}, {"predictions": [3, 7]}),
        ({"instances": [{"ids": [1, 2]}]}, {"predictions": [3]}),
        ({"inputs": [[1, 2], [3, 4]]}, {"outputs": [3, 7]}),
        ({"inputs": {"ids": [[5]]}}, {"outputs": [5]}),
    ],
)
def test_rest_with_one_input_and_output(server, document, expected):
    assert post(server, "/tiny:predict", signature_name="tokens", **document) == (200, expected)


def test_rest_base64(server):
    rows = [{"b64": "5aW9"}, {"text": {"b64": "5aW9"}}, "好"]
    answers = [post(server, "/tiny/versions/3:predict", instances=[row]) for row in rows]
    assert [status for status, _ in answers] == [200] * 3
    for _, answer in answers:
        assert_scores(answer["predictions"][0]["probabilities"], ["好"])


def test_rest_pairs(server):
    instances = [{"text": "a", "text_pair": "bc"}, {"text": "", "text_pair": "x" * 12}]
    _, answer = post(server, "/tiny:predict", signature_name="pair", instances=instances)
    assert_scores([row["probabilities"] for row in answer["predictions"]], ["abc", "x" * 12])


def test_rest_classify_and_regress(server):
    examples = [{"text": "a"}, {"text": ["bc"]}, {"text": {"b64": "5aW9"}}]
    status, answer = post(server, "/tiny:classify", signature_name="classify", examples=examples)
    assert status == 200
    assert [[label for label, _ in row] for row in answer["results"]] == [
        list(tiny_models.LABELS)
    ] * 3
    assert_scores([[score for _, score in row] for row in answer["results"]], ["a", "bc", "好"])
    with_context = {"context": {"text": "abc"}, "examples": [{"other": 1}, {"other": 1.5}]}
    answered = post(server, "/tiny:regress", signature_name="regress", **with_context)
    assert answered == (200, {"results": [3.0, 3.0]})


def test_rest_status_and_metadata(server):
    status, answer = http(server, "/tiny")
    assert (status, answer["model_version_status"]) == (
        200,
        [
            {
                "version": "3",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ],
    )
    status, answer = http(server, "/tiny/versions/3/metadata")
    assert status == 200
    assert answer["model_spec"] == {"name": "tiny", "signature_name": "", "version": "3"}
    default = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert default["inputs"]["text"]["dtype"] == "DT_STRING"
    assert default["inputs"]["text"]["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]


def test_answers_of_batches_equal_those_alone(stubs):
    texts = [["好a" * (n % 40)] * (1 + n % 3) for n in range(60)]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(
                lambda rows: stubs.prediction.Predict(predict_request(text=rows), timeout=SECONDS),
                texts,
            )
        )
    for rows, answer in zip(texts, answers, strict=True):
        assert_scores(answer.outputs["probabilities"].float_val, rows)


@pytest.fixture(scope="module", params=server_kinds.KINDS)
def labelled(request, tmp_path_factory, classifiers):
    """A server of both classifiers, labelled, and of the first one as another model."""
    base = tmp_path_factory.mktemp("labelled")
    shutil.copytree(classifiers, base / "tiny")
    shutil.copytree(classifiers / "1", base / "other" / "7")
    labels = "".join(
        f"version_labels {{ key: '{label}' value: {number} }}"
        for label, number in (("stable", 1), ("canary", 2))
    )
    entries = [
        requests.model_config(
            "tiny", base / "tiny", f"model_version_policy {{ all {{}} }} {labels}"
        ),
        requests.model_config("other", base / "other"),
    ]
    file = base / "models.config"
    file.write_text(f"model_config_list {{ {' '.join(entries)} }}")
    flags = {"model_config_file": file, "allow_version_labels_for_unavailable_models": True}
    log = base / "server.log"
    with server_kinds.serving(request.param, log, ("tiny", "other"), **flags) as running:
        yield running, base


def test_labels_and_several_models(labelled):
    server, _ = labelled
    stubs = Stubs(server.address)
    with stubs.channel:
        for label, version, shift in (("stable", 1, 0.0), ("canary", 2, 100.0)):
            asked = predict_request(text=["ab"], label=label)
            answer = stubs.prediction.Predict(asked, timeout=SECONDS)
            assert answer.model_spec.version.value == version
            assert_scores(answer.outputs["probabilities"].float_val, ["ab"], shift)
            _, answer = post(server, f"/tiny/labels/{label}:predict", instances=["ab"])
            assert_scores(answer["predictions"][0]["probabilities"], ["ab"], shift)
        answer = stubs.prediction.Predict(predict_request(text=["ab"]), timeout=SECONDS)
        assert answer.model_spec.version.value == 2
        answer = stubs.prediction.Predict(predict_request("other", text=["ab"]), timeout=SECONDS)
        assert answer.model_spec.version.value == 7
        assert states(stubs) == {1: AVAILABLE, 2: AVAILABLE}


def test_labels_move_to_versions_that_answer_only(labelled):
    server, base = labelled
    stubs = Stubs(server.address)
    with stubs.channel:
        moved = "model_version_policy { all {} } version_labels { key: 'stable' value: 9 }"
        request = requests.reload_request(requests.model_config("tiny", base / "tiny", moved))
        code, message = requests.refusal(stubs.model.HandleReloadConfigRequest, request)
        assert code == grpc.StatusCode.FAILED_PRECONDITION
        assert message == (
            "Request to assign label to version 9 of model tiny, which is not currently available "
            "for inference"
        )


@pytest.mark.parametrize("kind", server_kinds.KINDS)
def test_a_new_version_is_picked_up(kind, tmp_path, classifiers):
    base = tmp_path / "base"
    shutil.copytree(classifiers / "1", base / "1")
    with server_kinds.serving(kind, tmp_path / "server.log", model_base_path=base) as running:
        stubs = Stubs(running.address)
        with stubs.channel:
            shutil.copytree(classifiers / "2", base / "unfinished")
            log = tiny_models.predict_log("serving_default", text=["warm"])
            tiny_models.write_warmup(base / "unfinished", [log])
            (base / "unfinished").rename(base / "2")
            version = None
            while version != 2:  # No request fails meanwhile.
                answer = stubs.prediction.Predict(predict_request(text=["ab"]), timeout=SECONDS)
                version = answer.model_spec.version.value
            assert_scores(answer.outputs["probabilities"].float_val, ["ab"], 100.0)


@pytest.mark.parametrize("kind", server_kinds.KINDS)
def test_a_version_with_a_bad_warmup_never_answers(kind, tmp_path, classifiers):
    base = tmp_path / "base"
    shutil.copytree(classifiers / "1", base / "1")
    with server_kinds.serving(kind, tmp_path / "server.log", model_base_path=base) as running:
        stubs = Stubs(running.address)
        with stubs.channel:
            shutil.copytree(classifiers / "2", base / "unfinished")
            log = tiny_models.predict_log("serving_default", text=[tiny_models.POISON])
            tiny_models.write_warmup(base / "unfinished", [log])
            (base / "unfinished").rename(base / "2")
            while 2 not in states(stubs):
                stubs.prediction.Predict(predict_request(text=["ab"]), timeout=SECONDS)
            for _ in range(20):
                answer = stubs.prediction.Predict(predict_request(text=["ab"]), timeout=SECONDS)
                assert answer.model_spec.version.value == 1
                assert states(stubs)[2] != AVAILABLE
