"""matplotlib figures as SVG inside a page, whose words the browser draws.

matplotlib's own font has no Chinese characters, and a bare machine has no other. So names go
through it as place-holders of about the same width, and stand in the SVG as text for the page's
fonts.
"""

import html
import io
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

STYLE: Any = {
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.edgecolor": "#98a2b3",
    "axes.labelcolor": "#344054",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "xtick.color": "#667085",
    "ytick.color": "#667085",
    "text.color": "#1b1f27",
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}

_LONGEST_NAME = 26
_GROUP = "name-"
_NAME = re.compile(rf'(<g id="{_GROUP}(\d+)">.*?<text[^>]*>)[^<]*(</text>)', re.DOTALL)
# The fonts that matplotlib measured with, in a property of their own or with the size.
_FONT_FAMILY = re.compile(r" ?font-family: [^;\"]*;?")
_FONT = re.compile(r"font: ([\d.]+px) [^;\"]*")
_ID = re.compile(r' id="([^"]*)"')


class Names:
    """The names in one figure: labels of the data, in any script."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def label_ticks(self, axis: Any, names: Sequence[str], **style: Any) -> None:
        """Labels the places 0, 1, 2… of a matplotlib axis with names."""
        shown = [shortened(name) for name in names]
        axis.set_ticks(range(len(shown)), labels=["0" * columns(name) for name in shown], **style)
        for text, name in zip(axis.get_ticklabels(), shown, strict=True):
            text.set_gid(f"{_GROUP}{len(self._names)}")
            self._names.append(name)

    def fill_in(self, svg: str) -> str:
        """Returns the SVG with the names in place of their place-holders."""

        def named(match: re.Match) -> str:
            return match[1] + html.escape(self._names[int(match[2])]) + match[3]

        return _NAME.sub(named, svg)


def inline_svg(figure: Any, description: str, names: Names | None = None) -> str:
    """Returns a figure as an `<svg>` element; drawn under STYLE.

    Args:
      figure: the matplotlib figure.
      description: for those who do not see it; the ids in the SVG derive from it.
      names: of the data in the figure.
    """
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": description}):
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(stream, format="svg", metadata=metadata)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    if names is not None:
        svg = names.fill_in(svg)
    svg = _FONT.sub(r"font-size: \1", _FONT_FAMILY.sub("", svg))
    svg = _ID.sub(lambda match: match[0] if f"#{match[1]}" in svg else "", svg)
    label = html.escape(description)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def columns(text: str) -> int:
    """Returns the width of a text in narrow characters: Chinese characters are two wide."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def shortened(name: str) -> str:
    """Returns a name that is cut, with an ellipsis, where it is too long for a figure."""
    if columns(name) <= _LONGEST_NAME:
        return name
    while columns(name) >= _LONGEST_NAME:
        name = name[:-1]
    return f"{name}…"
