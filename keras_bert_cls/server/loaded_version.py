"""A version in memory, and who uses it."""

import asyncio
import contextlib
from collections.abc import Iterator

from keras_bert_cls.server.servable import Servable


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
