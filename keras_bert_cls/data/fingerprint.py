"""Token stores are built once: a store made from the same files and settings is used again."""

import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence

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
    folders: Sequence[str | os.PathLike], digest: str, build: Callable[[pathlib.Path], TokenStore]
) -> TokenStore:
    """Opens the first store that was built for `digest`, else builds one.

    Args:
      folders: where such a store may be; a new one goes into the last.
      digest: from `fingerprint`.
      build: makes the store in a folder.
    """
    for folder in map(pathlib.Path, folders):
        mark = folder / _FINGERPRINT
        if TokenStore.exists(folder) and mark.exists() and mark.read_text() == digest:
            return TokenStore(folder)
    last = pathlib.Path(folders[-1])
    store = build(last)
    (last / _FINGERPRINT).write_text(digest)
    return store
