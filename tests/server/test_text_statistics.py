"""Length, truncation and unknown words of texts, against the tokenizer itself."""

import json
import urllib.request

import numpy as np
import pytest
import tiny_trained_models
from prometheus_client.parser import text_string_to_metric_families
from running_server import running_server
from server_requests import SECONDS, example_request, predict_request
from server_stubs import Stubs
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import classification_pb2

from keras_bert_cls.export.saved_model import export_saved_model
from keras_bert_cls.server.computation import Computation
from keras_bert_cls.server.examples import serialized_examples
from keras_bert_cls.server.monitoring.text_statistics import TextStatistics
from keras_bert_cls.server.signature import Signature

TEXTS = ["很好看", "", "the movie was plaing 猫", "好" * 40]


@pytest.fixture(scope="module")
def trained():
    return tiny_trained_models.make_trained_model("single_label", max_length=8)


@pytest.fixture(scope="module")
def export(trained, tmp_path_factory):
    return export_saved_model(trained, tmp_path_factory.mktemp("export"))


def strings(texts):
    array = np.empty(len(texts), object)
    array[:] = [text.encode() for text in texts]
    return array


def computation(api="Predict", **inputs):
    signature = Signature("any", meta_graph_pb2.SignatureDef())
    rows = len(next(iter(inputs.values())))
    return Computation(None, signature, inputs, (), rows, api)


def expected_of(tokenizer, texts):
    tokens = [tokenizer.tokens_of(text) for text in texts]
    return tokens, sum(row.count("[UNK]") for row in tokens)


def test_texts(trained, export):
    statistics = TextStatistics.of_export(export)
    sample = statistics.measure(computation(text=strings(TEXTS)), max_rows=10)
    tokens, unknown = expected_of(trained.tokenizer, TEXTS)
    assert unknown > 0
    assert sample.lengths == [len(row) + 2 for row in tokens]
    assert sample.tokens == sum(map(len, tokens))
    assert sample.unknown_tokens == unknown
    assert sample.truncated == sum(len(row) + 2 > 8 for row in tokens) == 1
    assert sample.seconds > 0


def test_pairs(trained, export):
    statistics = TextStatistics.of_export(export)
    pairs = computation(text=strings(TEXTS), text_pair=strings(TEXTS[::-1]))
    sample = statistics.measure(pairs, max_rows=2)
    tokens, _ = expected_of(trained.tokenizer, TEXTS)
    expected = [len(tokens[n]) + len(tokens[-1 - n]) + 3 for n in range(2)]
    assert sample.lengths == expected


def test_examples(trained, export):
    statistics = TextStatistics.of_export(export)
    request = example_request(classification_pb2.ClassificationRequest, "classify", TEXTS)
    inputs = serialized_examples(request.input)
    sample = statistics.measure(computation("Classify", inputs=inputs), max_rows=10)
    tokens, unknown = expected_of(trained.tokenizer, TEXTS)
    assert sample.lengths == [len(row) + 2 for row in tokens]
    assert sample.unknown_tokens == unknown


@pytest.mark.parametrize(
    "inputs", [{"text": strings([])}, {"ids": np.zeros([2, 3], np.int32)}, {"inputs": strings("a")}]
)
def test_nothing_to_measure(export, inputs):
    assert TextStatistics.of_export(export).measure(computation(**inputs), max_rows=10) is None


def test_other_models_have_none(classifier_folder):
    assert TextStatistics.of_export(classifier_folder) is None


def test_metrics_of_a_server(export, tmp_path):
    monitoring = tmp_path / "monitoring.config"
    monitoring.write_text("prometheus_config { enable: true }")
    settings = {"monitoring_config_file": monitoring, "rest_api_port": -1, "model_name": "m"}
    with running_server(export.parent, **settings) as server:
        stubs = Stubs(server.address)
        with stubs.channel:
            stubs.prediction.Predict(predict_request("m", text=TEXTS), timeout=SECONDS)
        url = f"http://{server.rest_address}/monitoring/prometheus/metrics"
        values = {}
        while not values.get("bertcls_sampled_rows_total"):  # it is measured behind the answer
            with urllib.request.urlopen(url, timeout=SECONDS) as answer:
                families = text_string_to_metric_families(answer.read().decode())
                values = {
                    sample.name: sample.value
                    for family in families
                    for sample in family.samples
                    if sample.labels.get("model_name") == "m" and "le" not in sample.labels
                }
        metadata = f"http://{server.rest_address}/v1/models/m/metadata"
        with urllib.request.urlopen(metadata, timeout=SECONDS) as answer:
            assert "serving_default" in json.dumps(json.load(answer))
    assert values["bertcls_sampled_rows_total"] == 4
    assert values["bertcls_text_tokens_count"] == 4
