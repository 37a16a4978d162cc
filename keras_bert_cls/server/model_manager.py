"""All models of the server: finds the version that a request means, keeps models up to date."""

import asyncio
import contextlib
import logging
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import grpc
from tensorflow_serving.apis import model_pb2

from keras_bert_cls.server.broken_versions import RetryPolicy
from keras_bert_cls.server.loaded_version import LoadedVersion
from keras_bert_cls.server.model_config import ModelConfig, ModelServerConfig, check_model_config
from keras_bert_cls.server.model_status import State, VersionStatus
from keras_bert_cls.server.servable import Servable
from keras_bert_cls.server.served_model import Load, ServedModel
from keras_bert_cls.server.status_errors import ServingError, invalid_argument, not_found
from keras_bert_cls.server.version_labels import VersionLabels

_logger = logging.getLogger(__name__)

_MAX_REMOVED = 1000  # models whose end GetModelStatus still tells


class ModelManager:
    """Models by name, as the config in force says. All methods belong to one event loop.

    Args:
      load: loads and warms up a version; see ServedModel.
      labels: the version labels.
      retries: when to try broken versions again.

    Attributes:
      on_change: is called after models, versions or their states may have changed.
    """

    def __init__(
        self, load: Load, labels: VersionLabels | None = None, retries: RetryPolicy | None = None
    ):
        self.on_change: Callable[[], None] = lambda: None
        self._load = load
        self._labels = labels or VersionLabels()
        self._retries = retries or RetryPolicy()
        self._models: dict[str, ServedModel] = {}
        self._removed: dict[str, Mapping[int, VersionStatus]] = {}
        self._config = ModelServerConfig()
        self._configuring = asyncio.Lock()

    @property
    def models(self) -> Mapping[str, ServedModel]:
        """The models of the config in force by name."""
        return self._models

    @property
    def config(self) -> ModelServerConfig:
        """The config in force."""
        return self._config

    async def configure(self, config: ModelServerConfig) -> None:
        """Makes `config` the one in force: adds, changes and removes models, sets labels.

        What stays in the config keeps answering throughout. Returns once the added models answer.

        Raises:
          ServingError: the config is wrong, and nothing has changed; or an added model has no
            version that can be loaded, and the rest of the config is in force.
        """
        async with self._configuring:
            check_model_config(config)
            labels = self._labels.checked(config, self._is_available)
            wanted = {model.name: model for model in config.model_config_list.config}
            removed = [self._remove(name) for name in list(self._models) if name not in wanted]
            self._config = ModelServerConfig.FromString(config.SerializeToString())
            self._labels.replace(labels)
            added = [model.name for model in wanted.values() if model.name not in self._models]
            await asyncio.gather(*(self._put(model) for model in wanted.values()))
            self.on_change()
            await asyncio.gather(*(model.close() for model in removed))
            unavailable = [name for name in added if not self._models[name].loaded]
            if unavailable:
                raise ServingError(grpc.StatusCode.UNKNOWN, self._failures(unavailable))

    async def poll(self, wait_seconds: float) -> None:
        """Looks for versions that came or went for ever, every `wait_seconds`.

        A model that takes long to load keeps no other one waiting.
        """
        async with asyncio.TaskGroup() as refreshes:
            while True:
                await asyncio.sleep(wait_seconds)
                for model in self._models.values():
                    if not model.is_refreshing:
                        refreshes.create_task(self._refresh(model))

    @contextlib.contextmanager
    def lease(self, spec: model_pb2.ModelSpec) -> Iterator[Servable]:
        """Lends the version that `spec` means; it stays loaded meanwhile.

        Raises:
          ServingError: there is none.
        """
        with self._find(spec).lease() as servable:
            yield servable

    def statuses(self, model_name: str) -> Mapping[int, VersionStatus]:
        """Returns version -> status; empty for a model that was never served."""
        model = self._models.get(model_name)
        return self._removed.get(model_name, {}) if model is None else model.statuses

    async def close(self) -> None:
        """Frees all models once their requests are answered."""
        models, self._models = self._models, {}
        await asyncio.gather(*(model.close() for model in models.values()))

    async def _put(self, config: ModelConfig) -> None:
        """Adds the model or brings it to what `config` says."""
        base_path = pathlib.Path(config.base_path)
        model = self._models.get(config.name)
        if model is not None and model.base_path == base_path:
            model.policy = config.model_version_policy
            await self._refresh(model)
            return
        made = ServedModel(
            config.name, base_path, self._load, config.model_version_policy, self._retries
        )
        if model is None:
            self._models[config.name] = made
            await self._refresh(made)
            return
        # Another folder: its versions are loaded beside those of the old one.
        await self._refresh(made)
        if made.loaded:
            self._models[config.name] = made
            await model.close()

    def _remove(self, name: str) -> ServedModel:
        model = self._models.pop(name)
        self._removed[name] = model.statuses
        for forgotten in list(self._removed)[:-_MAX_REMOVED]:
            del self._removed[forgotten]
        return model

    async def _refresh(self, model: ServedModel) -> None:
        try:
            await model.refresh()
        except Exception:  # such as a folder that cannot be read
            _logger.exception("%s: cannot look for versions", model.name)
        self.on_change()

    def _is_available(self, name: str, version: int) -> bool:
        return name in self._models and version in self._models[name].loaded

    def _failures(self, names: Iterable[str]) -> str:
        told = []
        for name in names:
            errors = {n: s for n, s in self.statuses(name).items() if s.state is State.END}
            if not errors:
                told.append(f"{{name: {name}}} due to error: Not found: it has no versions")
            for number, status in errors.items():
                told.append(f"{{name: {name} version: {number}}} due to error: {status.message}")
        return f"{len(told)} model(s) did not become available: {{{', '.join(told)}}}"

    def _find(self, spec: model_pb2.ModelSpec) -> LoadedVersion:
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        model = self._models.get(spec.name)
        loaded = {} if model is None else model.loaded
        match spec.WhichOneof("version_choice"):
            case "version_label":
                wanted = self._labels.version(spec.name, spec.version_label)
            case "version":
                wanted = spec.version.value
            case _:
                if not loaded:
                    raise not_found(f"Servable not found for request: Latest({spec.name})")
                return loaded[max(loaded)]
        if wanted not in loaded:
            raise not_found(f"Servable not found for request: Specific({spec.name}, {wanted})")
        return loaded[wanted]
