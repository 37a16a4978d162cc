"""Tables for a terminal, Chinese ones too."""

import unicodedata
from collections.abc import Sequence


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a table with the first column at the left and the others at the right."""
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(_width(row[k]) for row in cells if k < len(row)) for k in range(len(header))]
    return "\n".join(
        "  ".join(
            _padded(cell, width, left=k == 0)
            for k, (cell, width) in enumerate(zip(row, widths, strict=False))
        ).rstrip()
        for row in cells
    )


def _padded(cell: str, width: int, *, left: bool) -> str:
    blanks = " " * (width - _width(cell))
    return cell + blanks if left else blanks + cell


def _width(text: str) -> int:
    """Returns the columns that a text takes: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
