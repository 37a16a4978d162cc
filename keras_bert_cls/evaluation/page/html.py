"""Pieces of HTML. What comes from data or models goes through `escaped`; all else is ours."""

import html
from collections.abc import Iterable, Sequence
from typing import Any

Cell = str


def escaped(text: Any) -> str:
    """Returns a text for any place in a page."""
    return html.escape(str(text))


def section(name: str, title: str, note: str, *content: str) -> str:
    """Returns a card with a heading, and a note (HTML) on how to read it."""
    hint = f'<p class="note">{note}</p>' if note else ""
    return f'<section id="{name}"><h2>{title}</h2>{hint}{"".join(content)}</section>\n'


def table(heads: Sequence[str], rows: Iterable[Sequence[Cell]], kind: str = "") -> str:
    """Returns a table of HTML cells; a head that starts with `#` is of a column of numbers."""
    numeric = [head.startswith("#") for head in heads]

    def cells(tag: str, values: Sequence[str]) -> str:
        return "".join(
            f'<{tag} class="number">{value}</{tag}>' if right else f"<{tag}>{value}</{tag}>"
            for value, right in zip(values, numeric, strict=True)
        )

    head = cells("th", [head.removeprefix("#") for head in heads])
    body = "".join(f"<tr>{cells('td', row)}</tr>\n" for row in rows)
    return (
        f'<div class="scroll {kind}"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def details(summary: str, content: str) -> str:
    """Returns what opens with a click."""
    return f"<details><summary>{summary}</summary>{content}</details>"


def side_by_side(*content: str) -> str:
    """Returns figures in one row, where the window is wide enough."""
    return f'<div class="pair">{"".join(f"<figure>{part}</figure>" for part in content)}</div>'


def percent(share: float | None, digits: int = 1) -> str:
    """Returns a share in per cent."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def number(value: float | None, digits: int = 4) -> str:
    """Returns a number; of thousands with commas, others with some significant digits."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.{digits}g}"


def interval(estimate: dict[str, float] | None, share: bool = True) -> str:
    """Returns an estimate and, smaller, its interval."""
    if estimate is None:
        return "–"
    # Three numbers one below the other are read more easily with the same digits, zeros included.
    show = "{0:.1f}" if share else "{0:#.4g}"
    value, low, high = (
        show.format(100 * estimate[name] if share else estimate[name]).rstrip(".").replace("-", "−")
        for name in ("value", "low", "high")
    )
    to = "to" if estimate["low"] < 0 else "–"  # A dash beside a minus is hard to read.
    return f'{value}<span class="interval">{low} {to} {high}</span>'


def ranged(estimate: dict[str, float] | None) -> str:
    """Returns a share with a small picture of its interval, from 0 to 1."""
    if estimate is None:
        return "–"
    low, high, value = (100 * estimate[name] for name in ("low", "high", "value"))
    picture = (
        f'<span class="range"><i style="left:{low:.1f}%;width:{high - low:.1f}%"></i>'
        f'<b style="left:{value:.1f}%"></b></span>'
    )
    return f"{picture}{interval(estimate)}"


def text_cell(row: dict[str, Any]) -> str:
    """Returns the text or texts of a row, and below where it stands."""
    pair = row.get("text_pair")
    second = f'<div class="text pair-text">{escaped(pair)}</div>' if pair is not None else ""
    where = f'<div class="where">{escaped(row["where"])}</div>'
    return f'<div class="text">{escaped(row["text"])}</div>{second}{where}'


def label_cell(label: Any) -> str:
    """Returns a label, several labels or a value."""
    if isinstance(label, list):
        return " ".join(map(label_cell, label)) or '<span class="faint">(none)</span>'
    if isinstance(label, float | int):
        return number(label)
    return f'<span class="label">{escaped(label)}</span>'


def token_list(tokens: Sequence[str]) -> str:
    """Returns tokens as chips; special ones and [UNK] stand out."""
    return f'<div class="tokens">{"".join(map(_token, tokens))}</div>'


def _token(token: str) -> str:
    kind = ""
    if token == "[UNK]":
        kind = ' class="unknown"'
    elif token in ("[CLS]", "[SEP]"):
        kind = ' class="special"'
    return f"<span{kind}>{escaped(token)}</span>"
