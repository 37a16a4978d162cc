"""The first models of a server, and what a person is told who starts one that has none."""

import asyncio
import logging
import pathlib

import grpc

from keras_bert_cls.errors import UserError
from keras_bert_cls.server.model_config import ModelServerConfig, read_model_config
from keras_bert_cls.server.model_manager import ModelManager
from keras_bert_cls.server.served_model import ServedModel
from keras_bert_cls.server.status_errors import ServingError

_logger = logging.getLogger(__name__)


async def start_models(manager: ModelManager, config: ModelServerConfig) -> None:
    """Loads the models of the first config.

    A model that cannot be loaded does not keep the others from serving; its states tell why.

    Raises:
      UserError: the config is wrong, or not one model can be loaded.
    """
    try:
        await manager.configure(config)
    except ServingError as error:
        if error.code != grpc.StatusCode.UNKNOWN:
            raise UserError(_refused_config(error)) from error
        if not any(model.loaded for model in manager.models.values()):
            told = [_missing_model(model) for model in manager.models.values()]
            raise UserError("\n".join(told)) from error
        _logger.error("%s", error.message)


async def watch_model_config(
    manager: ModelManager, path: pathlib.Path, wait_seconds: float
) -> None:
    """Puts changes of the model config file in force for ever, looking every `wait_seconds`."""
    while True:
        await asyncio.sleep(wait_seconds)
        try:
            config = await asyncio.to_thread(read_model_config, path)
            if config != manager.config:
                await manager.configure(config)
        except UserError as error:
            _logger.error("%s", error)
        except ServingError as error:
            _logger.error("--model_config_file %s: %s", path, error.message)


def _refused_config(error: ServingError) -> str:
    if error.code == grpc.StatusCode.FAILED_PRECONDITION:
        return (
            f"{error.message}. No version answers yet when a server starts: add "
            "--allow_version_labels_for_unavailable_models, as for tensorflow_model_server."
        )
    return f"--model_config_file: {error.message}"


def _missing_model(model: ServedModel) -> str:
    if not model.statuses:
        return (
            f"no version of model {model.name!r} to serve: expected numbered folders such as "
            f"{model.base_path / '1'}, found none. Give as --model_base_path the folder that "
            "bertcls-export wrote to (its --output), not a version in it."
        )
    number, status = max(model.statuses.items())
    return (
        f"version {number} of model {model.name!r} in {model.base_path} cannot be served: "
        f"{status.message} Export it again, or add a version that works."
    )
