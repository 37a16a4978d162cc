"""Scores as people read them."""

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_bert_cls.training.metrics import Scores

_MOST_LABELS = 50


def score_table(scores: "Scores") -> str:
    """Returns the metrics in a line each, and a table of the labels if there are any."""
    lines = [f"  {name:<20}{value:8.4f}" for name, value in scores.values.items()]
    if not scores.labels:
        return "\n".join(lines)
    width = max(12, *(_width(score.label) for score in scores.labels[:_MOST_LABELS]))
    lines.append(f"  {'label':<{width}}  precision  recall      f1  support")
    for score in scores.labels[:_MOST_LABELS]:
        name = score.label + " " * (width - _width(score.label))
        lines.append(
            f"  {name}  {score.precision:9.4f}  {score.recall:6.4f}  {score.f1:6.4f}  "
            f"{score.support:7,}"
        )
    if len(scores.labels) > _MOST_LABELS:
        lines.append(f"  … and {len(scores.labels) - _MOST_LABELS:,} more labels")
    return "\n".join(lines)


def _width(text: str) -> int:
    """Returns the columns that a text takes on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
