"""The server's config files in protobuf's text format."""

import pytest

from keras_bert_cls.errors import UserError
from keras_bert_cls.server.batching_parameters import with_batching_parameters
from keras_bert_cls.server.config_messages import read_config_message
from keras_bert_cls.server.options import ServerOptions


def options_of(tmp_path, text, **more):
    file = tmp_path / "batching.config"
    file.write_text(text)
    return with_batching_parameters(ServerOptions(batching_parameters_file=file, **more))


def test_batching_parameters(tmp_path, caplog):
    options = options_of(
        tmp_path,
        "max_batch_size { value: 32 } batch_timeout_micros { value: 1000 } "
        "max_enqueued_batches { value: 7 } num_batch_threads { value: 3 } "
        "allowed_batch_sizes: 8 allowed_batch_sizes: 32 pad_variable_length_inputs: true",
    )
    assert (options.max_batch_size, options.max_enqueued_batches) == (32, 7)
    assert options.num_batch_threads == 3
    assert "batch_timeout_micros has no effect" in caplog.text
    assert "pad_variable_length_inputs has no effect" in caplog.text
    assert "max_batch_size has" not in caplog.text


def test_what_the_file_leaves_out_stays(tmp_path):
    options = options_of(tmp_path, "max_batch_size { value: 32 }", num_batch_threads=5)
    assert (options.max_batch_size, options.num_batch_threads) == (32, 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_batch_size: 32", r"batching\.config:1:"),
        ("max_batch_sise { value: 3 }", r"fields among max_batch_size, batch_timeout_micros"),
        ("max_batch_size { value: 0 }", "max_batch_size must be at least 1, got 0"),
        (
            "max_batch_size { value: 32 } allowed_batch_sizes: 8",
            "the last of allowed_batch_sizes must equal max_batch_size, got 8 and 32",
        ),
        (
            "max_batch_size { value: 8 } allowed_batch_sizes: 9 allowed_batch_sizes: 8",
            "must be in increasing order",
        ),
    ],
)
def test_wrong_batching_parameters(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        options_of(tmp_path, text)


def test_batching_parameters_need_batching(tmp_path):
    with pytest.raises(UserError, match="without setting --enable_batching"):
        options_of(tmp_path, "", enable_batching=False)


def test_a_missing_file_names_the_flag(tmp_path):
    with pytest.raises(UserError, match="--ssl_config_file cannot be read"):
        read_config_message("SSLConfig", tmp_path / "none", "--ssl_config_file")


def test_monitoring_config(tmp_path):
    file = tmp_path / "monitoring.config"
    file.write_text("prometheus_config {\n  enable: true,\n  path: '/metrics'\n}")
    config = read_config_message("MonitoringConfig", file, "--monitoring_config_file")
    assert (config.prometheus_config.enable, config.prometheus_config.path) == (True, "/metrics")
