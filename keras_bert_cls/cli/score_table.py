"""Scores as people read them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from keras_bert_cls.data_check.text_table import text_table

if TYPE_CHECKING:
    from keras_bert_cls.training.metrics import Scores

_MOST_LABELS = 50


def score_table(scores: "Scores") -> str:
    """Returns the metrics in a line each, and a table of the labels if there are any."""
    lines = [f"  {name:<20}{value:8.4f}" for name, value in scores.values.items()]
    if not scores.labels:
        return "\n".join(lines)
    table = text_table(
        ["label", "precision", "recall", "f1", "support"],
        [
            [
                score.label,
                *(f"{value:.4f}" for value in (score.precision, score.recall, score.f1)),
                f"{score.support:,}",
            ]
            for score in scores.labels[:_MOST_LABELS]
        ],
    )
    lines += [f"  {line}" for line in table.splitlines()]
    if len(scores.labels) > _MOST_LABELS:
        lines.append(f"  … and {len(scores.labels) - _MOST_LABELS:,} more labels")
    return "\n".join(lines)


def print_scores(scores: "Mapping[str, Scores]") -> None:
    """Prints the scores of each split."""
    for split, found in scores.items():
        print(f"\n{split}\n{score_table(found)}")
