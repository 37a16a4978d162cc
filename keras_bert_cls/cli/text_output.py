"""How programs print texts, a line each."""

import sys
from collections.abc import Iterator
from typing import TypeVar

_Item = TypeVar("_Item")


def print_utf8() -> None:
    """Prepares the standard output for any text."""
    # What UTF-8 cannot hold is printed as \udXXX, which is how JSON spells it too.
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]


def one_line(text: str) -> str:
    """Returns the text with tabs and line breaks as spaces."""
    return text.translate(str.maketrans("\t\r\n", "   "))


def with_progress(rows: Iterator[_Item], data: str | None) -> Iterator[_Item]:
    """Shows how many rows of `data` were read, on a terminal that nobody types at."""
    if data == "-" or not sys.stderr.isatty():
        return rows
    import tqdm

    return iter(tqdm.tqdm(rows, unit=" texts", file=sys.stderr))
