"""Scores as JSON files."""

import dataclasses
import json
import math
import os
import pathlib
from typing import Any

from keras_bert_cls.training.metrics import LabelScore, Scores


def write_scores(path: str | os.PathLike, scores: dict[str, Scores]) -> None:
    """Writes the scores of data sets: {"NAME": {"values": {...}, "labels": [...]}}.

    A value that is no finite number becomes null, which JSON has.
    """
    content: dict[str, Any] = {name: dataclasses.asdict(score) for name, score in scores.items()}
    for score in content.values():
        score["values"] = {
            name: value if math.isfinite(value) else None for name, value in score["values"].items()
        }
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    pathlib.Path(path).write_text(text, encoding="utf-8")


def read_scores(path: str | os.PathLike) -> dict[str, Scores]:
    """Reads what `write_scores` wrote."""
    content = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    return {
        name: Scores(
            {
                metric: math.nan if value is None else value
                for metric, value in score["values"].items()
            },
            tuple(LabelScore(**label) for label in score["labels"]),
        )
        for name, score in content.items()
    }
