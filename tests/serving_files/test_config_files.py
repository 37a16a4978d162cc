"""The files in serving/config are messages of TensorFlow Serving, and fit each other."""

import pathlib
import subprocess

import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_serving.config import model_server_config_pb2

from keras_bert_cls.errors import UserError
from keras_bert_cls.server.batching_parameters import with_batching_parameters
from keras_bert_cls.server.config_messages import read_config_message
from keras_bert_cls.server.model_config import check_model_config, read_model_config
from keras_bert_cls.server.options import ServerOptions

SERVING = pathlib.Path(__file__).parents[2] / "serving"
CONFIG = SERVING / "config"
BATCHING = CONFIG / "batching_parameters.txt"


def test_models():
    text = (CONFIG / "models.config").read_text()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.model_platform) == ("classifier", "tensorflow")
    policy = model.model_version_policy
    assert policy.WhichOneof("policy_choice") == "specific"
    assert set(model.version_labels) == {"stable", "canary"}
    assert set(model.version_labels.values()) <= set(policy.specific.versions)
    check_model_config(read_model_config(CONFIG / "models.config"))


def test_batching_sizes_end_at_the_largest_batch():
    parameters = read_config_message("BatchingParameters", BATCHING, "--batching_parameters_file")
    sizes = list(parameters.allowed_batch_sizes)
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == parameters.max_batch_size.value
    assert not parameters.pad_variable_length_inputs
    options = with_batching_parameters(ServerOptions(batching_parameters_file=BATCHING))
    assert options.max_batch_size == sizes[-1]
    assert options.num_batch_threads == parameters.num_batch_threads.value


def test_another_last_size_would_be_refused(tmp_path):
    wrong = tmp_path / "batching_parameters.txt"
    wrong.write_text(BATCHING.read_text().replace("allowed_batch_sizes: 32\n", ""))
    with pytest.raises(UserError, match="the last of allowed_batch_sizes must equal"):
        with_batching_parameters(ServerOptions(batching_parameters_file=wrong))


def test_monitoring():
    path = CONFIG / "monitoring.config"
    config = read_config_message("MonitoringConfig", path, "--monitoring_config_file")
    assert config.prometheus_config.enable
    assert config.prometheus_config.path == "/monitoring/prometheus/metrics"


def ssl_config(folder, *files):
    """Returns the message that the script prints for files of these contents."""
    paths = []
    for number, content in enumerate(files):
        paths.append(folder / f"{number}.pem")
        paths[-1].write_text(content, newline="")
    run = subprocess.run(
        ["sh", SERVING / "ssl_config.sh", *paths], check=True, capture_output=True, text=True
    )
    printed = folder / "ssl.config"
    printed.write_text(run.stdout)
    return read_config_message("SSLConfig", printed, "--ssl_config_file")


PEM_LINES = st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=70))


@settings(max_examples=20, deadline=None)
@given(PEM_LINES, PEM_LINES)
def test_the_ssl_config_holds_the_files(tmp_path_factory, key_lines, certificate_lines):
    key, certificate = ("".join(f"{line}\n" for line in x) for x in (key_lines, certificate_lines))
    config = ssl_config(tmp_path_factory.mktemp("pem"), key or "\n", certificate or "\n")
    assert config.server_key == (key or "\n")
    assert config.server_cert == (certificate or "\n")
    assert (config.custom_ca, config.client_verify) == ("", False)


def test_an_authority_demands_certificates_of_clients(tmp_path):
    config = ssl_config(tmp_path, "KEY\n", "CERTIFICATE\n", "AUTHORITY\n")
    assert (config.custom_ca, config.client_verify) == ("AUTHORITY\n", True)


def test_the_ssl_script_says_what_it_needs():
    run = subprocess.run(["sh", SERVING / "ssl_config.sh", "key"], capture_output=True, text=True)
    assert run.returncode == 2
    assert "KEY CERTIFICATE [CLIENTS_AUTHORITY]" in run.stderr
