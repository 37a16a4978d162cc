"""--batching_parameters_file: TensorFlow Serving's batching parameters, as far as they apply."""

import dataclasses
import logging
import pathlib

from keras_bert_cls.errors import UserError
from keras_bert_cls.server.config_messages import read_config_message
from keras_bert_cls.server.options import ServerOptions

_logger = logging.getLogger(__name__)

_FLAG = "--batching_parameters_file"
# There is no timer, and batches are padded by the model itself.
_WITHOUT_EFFECT = (
    "batch_timeout_micros",
    "pad_variable_length_inputs",
    "enable_large_batch_splitting",
    "max_execution_batch_size",
    "thread_pool_name",
)


def with_batching_parameters(options: ServerOptions) -> ServerOptions:
    """Returns `options` with what the parameters file says, if there is one.

    Raises:
      UserError: it cannot be read, or tensorflow_model_server would refuse it.
    """
    path = options.batching_parameters_file
    if path is None:
        return options
    if not options.enable_batching:
        raise UserError(f"{_FLAG} is set without setting --enable_batching to true")
    parameters = read_config_message("BatchingParameters", path, _FLAG)
    _check_allowed_sizes(path, parameters)
    for name in _WITHOUT_EFFECT:
        if any(field.name == name for field, _ in parameters.ListFields()):
            _logger.warning("%s: %s has no effect in this server", path, name)
    given = {}
    for name in ("max_batch_size", "max_enqueued_batches", "num_batch_threads"):
        if parameters.HasField(name):
            given[name] = getattr(parameters, name).value
            if given[name] < 1:
                raise UserError(f"{path}: {name} must be at least 1, got {given[name]}")
    return dataclasses.replace(options, **given)


def _check_allowed_sizes(path: pathlib.Path, parameters) -> None:
    sizes = list(parameters.allowed_batch_sizes)
    if not sizes:
        return
    if sizes != sorted(set(sizes)):
        raise UserError(f"{path}: allowed_batch_sizes must be in increasing order, got {sizes}")
    if sizes[-1] != parameters.max_batch_size.value:
        raise UserError(
            f"{path}: the last of allowed_batch_sizes must equal max_batch_size, got {sizes[-1]} "
            f"and {parameters.max_batch_size.value}"
        )
