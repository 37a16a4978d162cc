"""The sections of a report with scores: the headline, labels, confusion, slices, values."""

from typing import Any

from keras_bert_cls.evaluation.page.html import (
    details,
    escaped,
    interval,
    label_cell,
    number,
    percent,
    ranged,
    section,
    side_by_side,
    table,
)
from keras_bert_cls.evaluation.page.plots import (
    confusion_plot,
    precision_recall_plot,
    residual_plots,
)

_TITLES = {
    "accuracy": "accuracy, %",
    "macro_f1": "macro F1, %",
    "micro_f1": "micro F1, %",
    "mcc": "MCC, ×100",
    "subset_accuracy": "all labels right, %",
    "hierarchical_f1": "hierarchical F1, %",
    "quadratic_kappa": "quadratic κ, ×100",
    "mean_absolute_error": "mean distance, levels",
    "mae": "MAE",
    "rmse": "RMSE",
    "pearson": "Pearson's r",
    "spearman": "Spearman's ρ",
}
_SHARES = (
    "accuracy",
    "macro_f1",
    "micro_f1",
    "mcc",
    "subset_accuracy",
    "hierarchical_f1",
    "quadratic_kappa",
)
_ACCURACY_OF_LEVEL = "accuracy_level_"

_SCORE_OF_SLICE = {
    "single_label": "accuracy, %",
    "multi_label": "all labels right, %",
    "regression": "MAE",
}


def score_title(name: str) -> str:
    """Returns what a score is called on the page."""
    if name.startswith(_ACCURACY_OF_LEVEL):
        return f"right to level {name.removeprefix(_ACCURACY_OF_LEVEL)}, %"
    return _TITLES[name]


def is_share(name: str) -> bool:
    """Says whether a score is shown times 100."""
    return name in _SHARES or name.startswith(_ACCURACY_OF_LEVEL)


def headline(content: dict[str, Any]) -> str:
    """Returns the scores as tiles."""
    tiles = [
        (score_title(name), interval(score, is_share(name)))
        for name, score in content["scores"].items()
    ]
    if content["calibration"]:
        tiles.append(("calibration error (ECE), %", number(100 * content["calibration"]["ece"], 3)))
    if rejected := content["rejection"]:
        tiles.append(("answered", percent(rejected["coverage"])))
        tiles.append(("accuracy of the answered, %", interval(rejected["accuracy"])))
    if outside := content["out_of_scope"]:
        tiles.append(("out of scope: AUROC, %", number(100 * outside["auroc"], 4)))
    cells = "".join(
        f'<div class="tile"><dt>{title}</dt><dd>{value}</dd></div>' for title, value in tiles
    )
    return f'<dl class="tiles">{cells}</dl>\n'


def label_section(content: dict[str, Any]) -> str:
    """Returns the scores of each label, the weakest first."""
    if content["labels"] is None:
        return ""
    rows = sorted(content["labels"], key=lambda row: (row["f1"]["value"], row["label"]))
    curve = content["precision_recall"]
    heads = ["label", "#rows", "#predicted", "precision, %", "recall, %", "F1, %"]
    heads += ["#average precision, %"] if curve else []
    cells = [
        [label_cell(row["label"]), number(row["support"]), number(row["predicted"])]
        + [ranged(row[name]) for name in ("precision", "recall", "f1")]
        + ([percent(row["average_precision"])] if curve else [])
        for row in rows
    ]
    parts = [table(heads, cells)]
    if curve and curve["points"]:
        area = percent(curve["micro_average_precision"])
        parts.append(f"<h3>All labels together: average precision {area}</h3>")
        parts.append(side_by_side(precision_recall_plot(curve["points"])))
    note = (
        "The weakest label first. Bars are 95 % intervals of Wilson: wide where rows are few. A "
        "precision of 0 of 0 predictions has the interval 0 – 100."
    )
    return section("labels", "Labels", note, *parts)


def confusion_section(content: dict[str, Any]) -> str:
    """Returns the confusion matrix if it can be read, and the most frequent errors."""
    found = content["confusion"]
    if found is None:
        return ""
    rows = [
        [
            label_cell(pair["label"]),
            label_cell(pair["predicted"]),
            number(pair["rows"]),
            percent(pair["share"]),
        ]
        for pair in found["pairs"]
    ]
    heads = ["label", "predicted", "#rows", "#of the label's rows"]
    kind = "narrow" if found["matrix"] is None else ""
    pairs = table(heads, rows, kind) if rows else "<p>No row was given a wrong label.</p>"
    if found["matrix"] is None:
        note = (
            f"{len(content['model']['labels']):,} labels are too many for a matrix: these are the "
            f"most frequent of {found['confused_pairs']:,} confused pairs."
        )
        return section("confusion", "Most confused labels", note, pairs)
    matrix = confusion_plot(found["matrix"], content["model"]["labels"])
    note = "A line for each label: shades are shares of its rows, numbers are rows."
    return section("confusion", "Confusion matrix", note, side_by_side(matrix, pairs))


def slice_section(content: dict[str, Any]) -> str:
    """Returns the scores of the parts of the data."""
    task = content["model"]["task"]
    regression = task == "regression"
    f1 = "#micro F1, %" if task == "multi_label" else "#macro F1, %"
    parts = []
    for sliced in content["slices"]:
        heads = [escaped(sliced["name"]), "#rows", _SCORE_OF_SLICE[task]]
        heads += [] if regression else [f1]
        rows = [
            [label_cell(group["group"]), number(group["rows"])]
            + (
                [interval(group["score"], share=False)]
                if regression
                else [ranged(group["score"]), f"{100 * group['f1']:.1f}"]
            )
            for group in sliced["groups"]
        ]
        parts.append(f"<h3>By {escaped(sliced['name'])}</h3>{table(heads, rows, 'narrow')}")
    note = (
        "Tokens are those that the model sees, [CLS] and [SEP] included, cut at its maximum "
        "length. The language is told from the script: <i>latin</i> is English and all others in "
        "Latin letters."
    )
    if task == "single_label":
        note += " Macro F1 is over the labels that occur in the group."
    return section("slices", "Parts of the data", note, *parts)


def residual_section(content: dict[str, Any]) -> str:
    """Returns how the values of a regression model miss."""
    found = content["residuals"]
    if found is None:
        return ""
    heads = ["share of rows", "#predicted - true is at most"]
    rows = [[percent(share, 0), number(value)] for share, value in found["quantiles"]]
    quantiles = details("Quantiles", table(heads, rows))
    note = f"Predictions are {number(abs(found['mean']))} too {_side(found['mean'])} on average."
    plots = side_by_side(*residual_plots(found["points"]))
    return section("residuals", "Values", note, plots, quantiles)


def _side(mean: float) -> str:
    return "high" if mean > 0 else "low"
