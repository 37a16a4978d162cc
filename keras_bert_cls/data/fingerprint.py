"""Token stores are built once: a store made from the same files and settings is used again."""

import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping

from keras_bert_cls.data.source_files import find_files
from keras_bert_cls.data.token_store import TokenStore

_FINGERPRINT = "fingerprint"


def fingerprint(files: Iterable[str], settings: Mapping[str, object]) -> str:
    """Returns a digest that changes with the settings and with the files' sizes and dates.

    Args:
      files: paths and glob patterns.
      settings: JSON; everything else that what is built depends on.
    """
    stats = [(file.name, os.stat(file.name)) for file in find_files(tuple(files), "txt")]
    content = [[(name, s.st_size, s.st_mtime_ns) for name, s in stats], dict(settings)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def reuse_or_build(
    folder: str | os.PathLike, digest: str, build: Callable[[], TokenStore]
) -> TokenStore:
    """Opens the store in `folder` if it was built for `digest`, else builds it.

    Args:
      folder: where `build` puts the store.
      digest: from `fingerprint`.
      build: makes the store.
    """
    mark = pathlib.Path(folder) / _FINGERPRINT
    if TokenStore.exists(folder) and mark.exists() and mark.read_text() == digest:
        return TokenStore(folder)
    store = build()
    mark.write_text(digest)
    return store
