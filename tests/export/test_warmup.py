"""The warm-up file: what it holds, and that a server can replay it."""

import collections

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from tiny_trained_models import make_trained_model

from keras_bert_cls.export.requests import build_request, parse_request
from keras_bert_cls.export.session import SavedModelSession
from keras_bert_cls.export.warmup import (
    BATCH_SIZES,
    LARGEST_REQUEST_TOKENS,
    WARMUP_FILE,
    warmup_requests,
)
from keras_bert_cls.text.packing import pack_texts

CASES = [
    ("single_label", True),
    ("regression", True),
    ("masked_lm", False),
]


def records(folder):
    return [
        prediction_log_pb2.PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(folder / WARMUP_FILE))
    ]


@pytest.mark.parametrize("case", CASES)
def test_every_signature_is_warmed_up_at_every_batch_size(exported, case):
    folder = exported(*case).folder
    sizes = collections.defaultdict(set)
    for signature, inputs in map(parse_request, records(folder)):
        sizes[signature].add(len(next(iter(inputs.values()))))
    with SavedModelSession(folder) as session:
        assert sizes == {name: {*BATCH_SIZES} for name in session.signatures}


@pytest.mark.parametrize("case", CASES)
def test_the_file_can_be_replayed(exported, case):
    folder = exported(*case).folder
    logs = records(folder)
    assert len(logs) <= 100  # The server's limit is 1000.
    with SavedModelSession(folder) as session:
        for signature, inputs in map(parse_request, logs):
            rows = len(next(iter(inputs.values())))
            for values in session.call(signature, inputs).values():
                assert len(values) == rows


@pytest.mark.parametrize(
    ("signature", "kind"),
    [
        ("serving_default", "predict_log"),
        ("tokens", "predict_log"),
        ("embed", "predict_log"),
        ("tokenize", "predict_log"),
        ("classify", "classify_log"),
        ("regress", "regress_log"),
    ],
)
def test_requests_are_those_of_the_api_that_serves_the_signature(exported, signature, kind):
    task = "regression" if signature == "regress" else "single_label"
    logs = [
        log
        for log in records(exported(task, task == "regression").folder)
        if parse_request(log)[0] == signature
    ]
    assert {log.WhichOneof("log_type") for log in logs} == {kind}


@pytest.mark.parametrize("text_pair", [False, True])
def test_texts_reach_from_a_quarter_of_the_length_to_all_of_it(exported, text_pair):
    export = exported("single_label", text_pair)
    lengths = set()
    for signature, inputs in map(parse_request, records(export.folder)):
        if signature == "serving_default":
            tokenizer = export.trained.tokenizer
            packed = pack_texts(
                tokenizer.vocabulary,
                [tokenizer.tokenize(inputs[name]) for name in sorted(inputs)],
                max_length=1000,
                pad_to_multiple_of=1,
            )
            lengths.add(packed["token_ids"].shape[1])
    assert lengths == {6, 12, 24}


def test_large_requests_are_left_out():
    trained = make_trained_model("single_label", max_length=512, positions=512)
    sizes = []
    for log in warmup_requests(trained, ["tokens"]):
        _, inputs = parse_request(log)
        sizes.append(inputs["token_ids"].shape)
    assert (1, 512) in sizes
    assert all(batch == 1 or batch * length <= LARGEST_REQUEST_TOKENS for batch, length in sizes)


def test_the_shortest_model_is_warmed_up_too():
    trained = make_trained_model("single_label", max_length=3, text_pair=True)
    assert len(warmup_requests(trained, ["serving_default"])) >= len(BATCH_SIZES)


def test_requests_keep_bytes_that_are_not_utf8():
    trained = make_trained_model("single_label")
    for signature in ("serving_default", "classify"):
        name, inputs = parse_request(build_request(trained, signature, [b"\xff", b""]))
        assert name == signature
    assert tf.train.Example.FromString(inputs["inputs"][0]).features.feature[
        "text"
    ].bytes_list.value == [b"\xff"]


def test_other_requests_are_not_read():
    with pytest.raises(ValueError, match="session_run_log"):
        log = prediction_log_pb2.PredictionLog()
        log.session_run_log.SetInParent()
        parse_request(log)
