"""ModelServerConfig: which models the server holds, from a file, a request or two flags."""

import logging
import pathlib
from typing import TypeAlias

from google.protobuf import text_format
from tensorflow_serving.config import file_system_storage_path_source_pb2, model_server_config_pb2

from keras_bert_cls.errors import UserError
from keras_bert_cls.server.status_errors import invalid_argument

ModelConfig: TypeAlias = model_server_config_pb2.ModelConfig
ModelServerConfig: TypeAlias = model_server_config_pb2.ModelServerConfig
VersionPolicy: TypeAlias = (
    file_system_storage_path_source_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy
)

_logger = logging.getLogger(__name__)

_PLATFORM = "tensorflow"


def single_model_config(name: str, base_path: pathlib.Path) -> ModelServerConfig:
    """Returns the config of a server with one model, as --model_name and --model_base_path say."""
    config = ModelServerConfig()
    config.model_config_list.config.add(
        name=name, base_path=str(base_path.absolute()), model_platform=_PLATFORM
    )
    return config


def read_model_config(path: pathlib.Path) -> ModelServerConfig:
    """Reads --model_config_file, a ModelServerConfig in protobuf's text format.

    Raises:
      UserError: it cannot be read, or it lists no models.
    """
    try:
        text = path.read_text(encoding="utf-8")
        config = text_format.Parse(text, ModelServerConfig())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--model_config_file cannot be read: {error}") from error
    except text_format.ParseError as error:
        raise UserError(
            f"{path}:{error}: expected a ModelServerConfig such as model_config_list {{ config "
            "{ name: 'm' base_path: '/models/m' model_platform: 'tensorflow' } }"
        ) from error
    if config.WhichOneof("config") != "model_config_list":
        raise UserError(f"{path}: expected a model_config_list, found none")
    return config


def check_model_config(config: ModelServerConfig) -> None:
    """Checks what TensorFlow Serving checks before it takes a config.

    Raises:
      ServingError: a model twice, a relative path, another platform than TensorFlow.
    """
    names = set()
    for model in config.model_config_list.config:
        if model.name in names:
            raise invalid_argument(
                f"Illegal to list model {model.name} multiple times in config list"
            )
        names.add(model.name)
        if not pathlib.PurePath(model.base_path).is_absolute():
            raise invalid_argument(
                f"Expected model {model.name} to have an absolute path or URI; "
                f"got base_path()={model.base_path}"
            )
        _check_platform(model)
        if model.HasField("logging_config"):
            _logger.warning("model %s: logging_config has no effect in this server", model.name)


def _check_platform(model: ModelConfig) -> None:
    types = model_server_config_pb2.ModelType
    if model.model_type != types.MODEL_TYPE_UNSPECIFIED:
        if model.model_platform:
            raise invalid_argument(
                "Illegal setting both ModelServerConfig::model_type (deprecated) and "
                "ModelServerConfig::model_platform."
            )
        if model.model_type != types.TENSORFLOW:
            raise invalid_argument(
                f"ModelServerConfig::model_type choice {model.model_type} not supported."
            )
    elif not model.model_platform:
        raise invalid_argument(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            "ModelServerConfig::model_platform."
        )
    elif model.model_platform != _PLATFORM:
        raise invalid_argument(
            f"Model {model.name} requests unsupported platform {model.model_platform}"
        )
