"""One model of the server: its folder of versions, and the version that answers."""

import asyncio
import contextlib
import logging
import pathlib
from collections.abc import Callable, Iterator

import grpc

from keras_bert_cls.export.versions import list_versions
from keras_bert_cls.server.model_status import State, VersionStatus
from keras_bert_cls.server.servable import Servable
from keras_bert_cls.server.status_errors import ServingError

_logger = logging.getLogger(__name__)

_Fingerprint = list[tuple[str, int, int]]


class LoadedVersion:
    """A servable that counts its users, so that it is freed only when nobody uses it."""

    def __init__(self, servable: Servable):
        self.servable = servable
        self._users = 0
        self._unused = asyncio.Event()
        self._unused.set()

    @contextlib.contextmanager
    def lease(self) -> Iterator[Servable]:
        """Lends the servable; it is not closed meanwhile."""
        self._users += 1
        self._unused.clear()
        try:
            yield self.servable
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    async def retire(self) -> None:
        """Waits for the last user and frees the servable. It must be out of reach for new ones."""
        await self._unused.wait()
        await asyncio.to_thread(self.servable.close)


class ServedModel:
    """Serves the newest version under a base path.

    All methods belong to one event loop, which they never block.

    Args:
      name: the model's name in requests.
      base_path: the folder with a folder for each version.
      load: loads and warms up the version of a number at a path; raises ServingError.

    Attributes:
      name: see above.
      base_path: see above.
      loaded: the versions that answer, by number.
      statuses: what became of every version seen, by number.
    """

    def __init__(
        self,
        name: str,
        base_path: pathlib.Path,
        load: Callable[[int, pathlib.Path], Servable],
    ):
        self.name = name
        self.base_path = base_path
        self.loaded: dict[int, LoadedVersion] = {}
        self.statuses: dict[int, VersionStatus] = {}
        self._load = load
        self._broken: dict[int, _Fingerprint] = {}

    async def refresh(self) -> None:
        """Makes the newest version on disk the one that answers.

        A new version is loaded and warmed up beside the old one, which keeps answering until the
        new one takes over at once. If the new one is broken, the old one stays; the broken one is
        tried again when its files change.
        """
        versions = await asyncio.to_thread(list_versions, self.base_path)
        if not versions:
            return  # An emptied folder is no reason to stop serving.
        number = max(versions)
        if number in self.loaded:
            return
        fingerprint = await asyncio.to_thread(_fingerprint, versions[number])
        if self._broken.get(number) == fingerprint:
            return
        servable = await self._try_load(number, versions[number])
        if servable is None:
            self._broken[number] = fingerprint
            return
        self._broken.pop(number, None)
        replaced, self.loaded = self.loaded, {number: LoadedVersion(servable)}
        self.statuses[number] = VersionStatus(State.AVAILABLE)
        _logger.info("%s: version %d answers now", self.name, number)
        await self._retire(replaced)

    async def close(self) -> None:
        """Frees all versions once their requests are answered."""
        replaced, self.loaded = self.loaded, {}
        await self._retire(replaced)

    async def _try_load(self, number: int, path: pathlib.Path) -> Servable | None:
        self.statuses[number] = VersionStatus(State.LOADING)
        _logger.info("%s: loading version %d", self.name, number)
        try:
            return await asyncio.to_thread(self._load, number, path)
        except ServingError as error:
            _logger.error("%s: version %d is broken: %s", self.name, number, error.message)
            failure = error
        except Exception:
            _logger.exception("%s: version %d is broken", self.name, number)
            failure = ServingError(grpc.StatusCode.INTERNAL, "The server's log says why.")
        self.statuses[number] = VersionStatus(State.END, failure.code, failure.message)
        return None

    async def _retire(self, versions: dict[int, LoadedVersion]) -> None:
        for number in versions:
            self.statuses[number] = VersionStatus(State.UNLOADING)
        for number, version in versions.items():
            await version.retire()
            self.statuses[number] = VersionStatus(State.END)
            _logger.info("%s: version %d is unloaded", self.name, number)


def _fingerprint(path: pathlib.Path) -> _Fingerprint:
    """Returns what changes when a file below `path` does: names, sizes, times of change."""
    entries = []
    for file in sorted(path.rglob("*")):
        with contextlib.suppress(FileNotFoundError):  # It is being written.
            status = file.stat()
            entries.append((str(file), status.st_size, status.st_mtime_ns))
    return entries
