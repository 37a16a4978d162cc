"""HandleReloadConfigRequest: a client sends another model config."""

import pathlib
from collections.abc import Iterable

import grpc

from keras_bert_cls.server.model_config import ModelServerConfig
from keras_bert_cls.server.model_manager import ModelManager
from keras_bert_cls.server.status_errors import ServingError, invalid_argument


class ConfigReload:
    """Takes configs from clients, for folders of models that the server's owner has named only.

    A SavedModel is a program: who may name any folder may run anything that lies on the disk.

    Args:
      models: where the config goes.
      roots: folders; a model's base path must be one of them, lie below one, or be in the config
        in force.
    """

    def __init__(self, models: ModelManager, roots: Iterable[pathlib.Path]):
        self._models = models
        self._roots = [root.resolve() for root in roots]

    async def reload(self, config: ModelServerConfig) -> None:
        """Puts `config` in force; raises ServingError if that is refused or fails."""
        if config.WhichOneof("config") != "model_config_list":
            raise invalid_argument(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. Only "
                "ModelConfigList is currently supported"
            )
        for model in config.model_config_list.config:
            self._check_base_path(model.name, pathlib.Path(model.base_path))
        await self._models.configure(config)

    def _check_base_path(self, model_name: str, base_path: pathlib.Path) -> None:
        if not base_path.is_absolute() or self._is_known(base_path):
            return  # A relative path is refused later, as in TensorFlow Serving.
        raise ServingError(
            grpc.StatusCode.PERMISSION_DENIED,
            f"The base_path of model {model_name} is not in the config and lies in none of the "
            "folders that --allowed_model_roots names",
        )

    def _is_known(self, base_path: pathlib.Path) -> bool:
        if any(model.base_path == base_path for model in self._models.models.values()):
            return True
        try:
            resolved = base_path.resolve()
        except (OSError, RuntimeError, ValueError):  # a loop of links, a NUL character
            return False
        return any(resolved.is_relative_to(root) for root in self._roots)
