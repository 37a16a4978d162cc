"""All models of the server: finds the version that a request means, keeps versions up to date."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping

from tensorflow_serving.apis import model_pb2

from keras_bert_cls.errors import UserError
from keras_bert_cls.server.model_status import VersionStatus
from keras_bert_cls.server.servable import Servable
from keras_bert_cls.server.served_model import LoadedVersion, ServedModel
from keras_bert_cls.server.status_errors import invalid_argument, not_found

_logger = logging.getLogger(__name__)


class ModelManager:
    """Models by name. All methods belong to one event loop."""

    def __init__(self, models: Iterable[ServedModel]):
        self._models = {model.name: model for model in models}

    @property
    def model_names(self) -> list[str]:
        """The names that requests may use."""
        return list(self._models)

    async def load_all(self) -> None:
        """Loads the newest version of every model.

        Raises:
          UserError: a model has no version, or its newest one is broken.
        """
        for model in self._models.values():
            try:
                await model.refresh()
            except OSError as error:
                raise UserError(f"--model_base_path cannot be read: {error}") from error
            if not model.loaded:
                raise UserError(_missing_model(model))

    async def poll(self, wait_seconds: float) -> None:
        """Looks for new versions for ever, every `wait_seconds`."""
        while True:
            await asyncio.sleep(wait_seconds)
            for model in self._models.values():
                try:
                    await model.refresh()
                except OSError:
                    _logger.exception("%s: cannot look for new versions", model.name)

    @contextlib.contextmanager
    def lease(self, spec: model_pb2.ModelSpec) -> Iterator[Servable]:
        """Lends the version that `spec` means; it stays loaded meanwhile.

        Raises:
          ServingError: there is none.
        """
        with self._find(spec).lease() as servable:
            yield servable

    def statuses(self, model_name: str) -> Mapping[int, VersionStatus]:
        """Returns version -> status; empty for a model that is not served."""
        model = self._models.get(model_name)
        return {} if model is None else model.statuses

    async def close(self) -> None:
        """Frees all models once their requests are answered."""
        for model in self._models.values():
            await model.close()

    def _find(self, spec: model_pb2.ModelSpec) -> LoadedVersion:
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        model = self._models.get(spec.name)
        loaded = {} if model is None else model.loaded
        choice = spec.WhichOneof("version_choice")
        if choice == "version_label":
            raise invalid_argument(f"Unrecognized servable version label: {spec.version_label}")
        if choice == "version":
            if spec.version.value not in loaded:
                wanted = f"Specific({spec.name}, {spec.version.value})"
                raise not_found(f"Servable not found for request: {wanted}")
            return loaded[spec.version.value]
        if not loaded:
            raise not_found(f"Servable not found for request: Latest({spec.name})")
        return loaded[max(loaded)]


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
        f"{status.message} Export it again, or remove its folder to serve an older one."
    )
