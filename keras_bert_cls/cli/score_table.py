"""Scores as people read them."""

from collections.abc import Collection, Mapping
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


def before_table(before: "Scores", after: "Scores", focus: Collection[str]) -> str:
    """Returns the F1 of each label before and after; those of `focus` stand first, with a star."""
    old = {score.label: score.f1 for score in before.labels}
    ranked = sorted(after.labels, key=lambda score: score.label not in focus)
    rows = [
        [
            f"{score.label}{' *' if score.label in focus else ''}",
            f"{score.support:,}",
            f"{old[score.label]:.4f}",
            f"{score.f1:.4f}",
            f"{score.f1 - old[score.label]:+.4f}",
        ]
        for score in ranked
    ]
    for name, value in after.values.items():
        if name in before.values:
            earlier = before.values[name]
            rows.append([name, "", f"{earlier:.4f}", f"{value:.4f}", f"{value - earlier:+.4f}"])
    table = text_table(["label (* in focus)", "support", "f1 before", "after", "change"], rows)
    return "\n".join(f"  {line}" for line in table.splitlines())


def print_before(
    before: "Mapping[str, Scores]", after: "Mapping[str, Scores]", focus: Collection[str]
) -> None:
    """Prints what the labels of each split were before, and are after."""
    for split, scores in before.items():
        print(f"\n{split}, before and after\n{before_table(scores, after[split], focus)}")
