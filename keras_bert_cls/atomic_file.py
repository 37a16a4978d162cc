"""Files that are there whole or not at all, even if the process is killed meanwhile."""

import os
import pathlib


def write_text_whole(path: str | os.PathLike, text: str) -> None:
    """Writes UTF-8 text beside `path` and renames it into place."""
    target = pathlib.Path(path)
    temporary = target.with_name(f".writing-{target.name}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, target)
