"""One model of the server: its folder of versions, and the versions that answer."""

import asyncio
import logging
import pathlib
from collections.abc import Callable

import grpc

from keras_bert_cls.export.versions import list_versions
from keras_bert_cls.server.broken_versions import BrokenVersions, RetryPolicy, fingerprint
from keras_bert_cls.server.loaded_version import LoadedVersion
from keras_bert_cls.server.model_config import VersionPolicy
from keras_bert_cls.server.model_status import State, VersionStatus
from keras_bert_cls.server.servable import Servable
from keras_bert_cls.server.status_errors import ServingError
from keras_bert_cls.server.version_policy import wanted_versions

_logger = logging.getLogger(__name__)

Load = Callable[[str, int, pathlib.Path], Servable]


class ServedModel:
    """Serves the versions under a base path that a policy chooses.

    All methods belong to one event loop, which they never block.

    Args:
      name: the model's name in requests.
      base_path: the folder with a folder for each version.
      load: loads and warms up the version of a number of the model at a path; raises ServingError.
      policy: which versions to serve; the newest one by default.
      retries: when to try a broken version again.

    Attributes:
      name, base_path, policy: see above; `policy` may be set.
      loaded: the versions that answer, by number.
      statuses: what became of every version seen, by number.
    """

    def __init__(
        self,
        name: str,
        base_path: pathlib.Path,
        load: Load,
        policy: VersionPolicy | None = None,
        retries: RetryPolicy | None = None,
    ):
        self.name = name
        self.base_path = base_path
        self.policy = policy or VersionPolicy()
        self.loaded: dict[int, LoadedVersion] = {}
        self.statuses: dict[int, VersionStatus] = {}
        self._load = load
        self._broken = BrokenVersions(retries or RetryPolicy())
        self._refreshing = asyncio.Lock()

    @property
    def is_refreshing(self) -> bool:
        """Whether a refresh is under way."""
        return self._refreshing.locked()

    async def refresh(self) -> None:
        """Makes the wanted versions on disk the ones that answer.

        A new version is loaded and warmed up beside the old ones, which keep answering until the
        new one takes over at once. If it is broken, the next best one is wanted; it is tried again
        when its files change, or the retry policy says so.

        Raises:
          OSError: the base path cannot be read.
        """
        async with self._refreshing:
            tried: set[int] = set()  # Once a refresh: files that are being written keep changing.
            wanted = await self._wanted(tried)
            while missing := [number for number in wanted if number not in self.loaded]:
                for number in missing:
                    self.statuses[number] = VersionStatus(State.START)
                await self._try_load(missing[0])
                tried.add(missing[0])
                wanted = await self._wanted(tried)
            if wanted:  # An emptied folder is no reason to stop serving.
                await self._retire([number for number in self.loaded if number not in wanted])

    async def close(self) -> None:
        """Frees all versions once their requests are answered."""
        async with self._refreshing:
            await self._retire(list(self.loaded))

    async def _wanted(self, tried: set[int]) -> list[int]:
        servable = await asyncio.to_thread(self._servable_versions, tried)
        return wanted_versions(self.policy, servable)

    def _servable_versions(self, tried: set[int]) -> list[int]:
        """Returns the versions on disk that are loaded or worth a try."""
        return [
            number
            for number, path in list_versions(self.base_path).items()
            if number in self.loaded
            or not (number in tried or self._broken.is_hopeless(number, path))
        ]

    async def _try_load(self, number: int) -> None:
        self.statuses[number] = VersionStatus(State.LOADING)
        _logger.info("%s: loading version %d", self.name, number)
        path = (await asyncio.to_thread(list_versions, self.base_path)).get(number)
        if path is None:  # It was withdrawn a moment ago.
            self.statuses[number] = VersionStatus(State.END)
            return
        seen = await asyncio.to_thread(fingerprint, path)
        try:
            servable = await asyncio.to_thread(self._load, self.name, number, path)
        except ServingError as error:
            _logger.error("%s: version %d is broken: %s", self.name, number, error.message)
            failure = error
        except Exception:
            _logger.exception("%s: version %d is broken", self.name, number)
            failure = ServingError(grpc.StatusCode.INTERNAL, "The server's log says why.")
        else:
            self._broken.forget(number)
            self.loaded[number] = LoadedVersion(servable)
            self.statuses[number] = VersionStatus(State.AVAILABLE)
            _logger.info("%s: version %d answers now", self.name, number)
            return
        self._broken.add(number, seen)
        self.statuses[number] = VersionStatus(State.END, failure.code, failure.message)

    async def _retire(self, numbers: list[int]) -> None:
        retired = {number: self.loaded.pop(number) for number in numbers}
        for number in retired:
            self.statuses[number] = VersionStatus(State.UNLOADING)
        for number, version in retired.items():
            await version.retire()
            self.statuses[number] = VersionStatus(State.END)
            _logger.info("%s: version %d is unloaded", self.name, number)
