"""The section of a report that compares two models."""

from typing import Any

from keras_bert_cls.evaluation.page.html import (
    details,
    escaped,
    interval,
    label_cell,
    number,
    percent,
    section,
    table,
    text_cell,
)
from keras_bert_cls.evaluation.page.score_sections import is_share, score_title


def comparison_section(content: dict[str, Any]) -> str:
    """Returns the scores of both models, whether they differ, and where."""
    found = content["comparison"]
    if found is None:
        return ""
    heads = ["", "#this model", "#the other", "#difference"]
    rows = [
        [
            score_title(name),
            interval(score, is_share(name)),
            interval(found["scores"][name], is_share(name)),
            interval(found["differences"][name], is_share(name)),
        ]
        for name, score in content["scores"].items()
    ]
    parts = [table(heads, rows, "narrow")]
    if found["mcnemar"] is not None:
        parts.insert(0, _verdict(found["mcnemar"]))
        parts.append(_rows("Rows that only this model gets right", found["only_first"]))
        parts.append(_rows("Rows that only the other gets right", found["only_second"]))
    note = (
        f"The other model is {escaped(found['model'])}; both answered the same rows. Differences "
        "are this model's score minus the other's, with intervals of the paired bootstrap: each "
        "draw takes the same rows for both. An interval without 0 is a difference."
    )
    return section("comparison", "Comparison", note, *parts)


def _verdict(test: dict[str, Any]) -> str:
    return (
        f'<p class="verdict">Only this model is right on {number(test["only_first"])} rows, only '
        f"the other on {number(test['only_second'])}. If both were equally good, the two numbers "
        "would differ at least this much with a probability of "
        f"<b>{number(test['p_value'], 3)}</b> "
        "(McNemar's exact test, two-sided).</p>"
    )


def _rows(title: str, rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    cells = [
        [text_cell(row), label_cell(row["label"]), _answer(row["first"]), _answer(row["second"])]
        for row in rows
    ]
    return details(title, table(["text", "label", "this model", "the other"], cells))


def _answer(answer: dict[str, Any]) -> str:
    label = label_cell(answer["predicted"])
    if "confidence" not in answer:
        return label
    rejected = " rejected" if answer["rejected"] else ""
    return f'{label} <span class="faint">{percent(answer["confidence"])}{rejected}</span>'
