"""The sections of a report that show rows: errors, doubtful labels, repeated texts."""

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
    token_list,
)
from keras_bert_cls.evaluation.page.score_sections import is_share, score_title


def error_section(content: dict[str, Any]) -> str:
    """Returns the most confident errors with the tokens that the model saw."""
    errors = content["confident_errors"]
    if not errors:
        return section("errors", "Errors", "", "<p>There are none.</p>")
    title, often, heads, cells = "Most confident errors", *_LABELS
    if content["model"]["task"] == "multi_label":
        heads = ["labels", *heads[1:]]
    elif content["model"]["task"] == "regression":
        title, often, heads, cells = "Largest errors", *_VALUES
    rows = [[text_cell(error) + token_list(error["tokens"]), *cells(error)] for error in errors]
    note = f"Tokens are what the model saw. Look here first: many of these are {often}."
    return section("errors", title, note, table(["text and tokens", *heads], rows))


def suspect_section(content: dict[str, Any]) -> str:
    """Returns the rows whose label is doubtful."""
    found = content["label_noise"]
    if found is None:
        return ""
    note = (
        "Confident learning (Northcutt et al. 2021): a logistic regression on this model's "
        "embeddings, cross-validated within these rows, is surer of another label than rows of "
        "that label usually are. A list to look through, not a verdict."
    )
    if found["reason"]:
        return section("suspects", "Doubtful labels", note, f"<p>{escaped(found['reason'])}.</p>")
    heads = ["text", "label", "#its probability", "suggested", "#probability", "the model says"]
    rows = [
        [
            text_cell(row),
            label_cell(row["label"]),
            percent(row["probability"]),
            label_cell(row["suggested"]),
            percent(row["suggested_probability"]),
            label_cell(row["predicted"]),
        ]
        for row in found["most_suspicious"]
    ]
    summary = (
        f'<p class="verdict">{number(found["suspects"])} of {number(found["judged"])} rows are '
        f"suspects{', the first of them below' if found['suspects'] > len(rows) else ''}.</p>"
    )
    shown = table(heads, rows) if rows else ""
    return section("suspects", "Doubtful labels", note, summary + shown)


def repetition_section(content: dict[str, Any]) -> str:
    """Returns what is in the data twice, and what the model was trained on."""
    found = content["duplicates"]
    note = (
        "Texts are the same if they differ in nothing that a reader would see: case, width, white "
        "space and invisible characters make no difference."
    )
    answers = "values" if content["model"]["task"] == "regression" else "labels"
    summary = (
        f"<h3>Within the data</h3><p>{number(found['rows'])} rows repeat the text of an earlier "
        f"one; {number(found['contradicting'])} texts stand there with different {answers}.</p>"
    )
    rows = [
        [
            text_cell({**group, "where": ", ".join(group["where"])}),
            " ".join(map(label_cell, group["labels"])),
        ]
        for group in found["groups"]
    ]
    shown = details("Show them", table(["text", answers], rows)) if rows else ""
    return section("repeated", "Repeated texts", note, summary, shown, _overlap(content))


def _overlap(content: dict[str, Any]) -> str:
    title = "<h3>In the training data</h3>"
    found = content["training_overlap"]
    if found is None:
        return f"{title}<p>Not looked at: the training files are not known, or not there.</p>"
    files = escaped(", ".join(found["files"]))
    summary = f"<p>The text of {number(found['rows'])} rows stands in {files}.</p>"
    if not found["rows"]:
        return title + summary
    names = list(content["scores"])
    rows = [
        [group, *(interval(scores[name], is_share(name)) for name in names)]
        for group, scores in found["scores"].items()
        if scores is not None
    ]
    heads = ["text in training", *(f"#{score_title(name)}" for name in names)]
    return title + summary + table(heads, rows) + details("Show where", _list(found["where"]))


def _list(items: list[str]) -> str:
    return "".join(f'<div class="where">{escaped(item)}</div>' for item in items)


def _label_cells(error: dict[str, Any]) -> list[str]:
    confidence = percent(error["confidence"])
    if "label_probability" in error:
        label = f"{label_cell(error['label'])}<br>{_faint(percent(error['label_probability']))}"
    else:
        label = label_cell(error["label"])
    rejected = _faint(" rejected") if error.get("rejected") else ""
    return [label, label_cell(error["predicted"]) + rejected, confidence]


def _value_cells(error: dict[str, Any]) -> list[str]:
    return [number(error[name]).replace("-", "−") for name in ("label", "predicted")]


_LABELS = (
    "wrong labels, or texts that two labels fit",
    ["label, its probability", "predicted", "#confidence"],
    _label_cells,
)
_VALUES = ("wrong values", ["#true", "#predicted"], _value_cells)


def _faint(text: str) -> str:
    return f'<span class="faint">{text}</span>'
