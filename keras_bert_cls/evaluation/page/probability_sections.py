"""The sections of a report on what the model's probabilities are worth."""

from typing import Any

from keras_bert_cls.evaluation.page.html import (
    interval,
    number,
    percent,
    ranged,
    section,
    side_by_side,
    table,
)
from keras_bert_cls.evaluation.page.plots import coverage_plot, reliability_plot


def calibration_section(content: dict[str, Any]) -> str:
    """Returns the reliability diagram."""
    found = content["calibration"]
    if found is None:
        return ""
    what, unit = "the probability of the predicted label", "rows"
    if content["model"]["task"] == "multi_label":
        what, unit = "the probability of every label for every row", "answers"
    direction = "over" if _gap(found) > 0 else "under"
    note = (
        f"Confidence is {what}. Expected calibration error (Guo et al. 2017) "
        f"{number(100 * found['ece'], 3)} % with {len(found['bins'])} bins of equal width: how far "
        f"the points are from the diagonal, weighted by their {unit}. Mean confidence "
        f"{percent(found['mean_confidence'])}: {direction}confident by "
        f"{100 * abs(_gap(found)):.1f} points on average."
    )
    heads = ["confidence", f"#{unit}", "#mean confidence", "#right, %"]
    rows = [
        [
            f"{100 * b['low']:.0f} – {100 * b['high']:.0f} %",
            number(b["rows"]),
            percent(b["confidence"]),
            interval(b["accuracy"]),
        ]
        for b in found["bins"]
        if b["rows"]
    ]
    plot = side_by_side(reliability_plot(found["bins"], unit), table(heads, rows))
    return section("calibration", "Calibration", note, plot)


def coverage_section(content: dict[str, Any]) -> str:
    """Returns what answering only where the model is sure would give, and what its own does."""
    curve = content["risk_coverage"]
    if curve is None:
        return ""
    thresholds = _telling(content["thresholds"])
    heads = ["threshold", "#coverage", "#rows", "accuracy of the answered, %"]
    rows = [
        [
            f"≥ {line['threshold']:g}",
            percent(line["coverage"]),
            number(line["rows"]),
            ranged(line["accuracy"]),
        ]
        for line in thresholds
    ]
    plot = coverage_plot(curve["points"], thresholds)
    note = (
        "If the model answered only rows whose confidence reaches a threshold: which share would "
        "it answer, and which share of these would be right? Area under risk over coverage (AURC; "
        f"Geifman and El-Yaniv 2017) {number(curve['aurc'])}, where 0 is best; a perfect order of "
        f"the same answers would give {number(curve['aurc_best'])}."
    )
    parts = [side_by_side(plot, table(heads, rows))]
    if rejected := content["rejection"]:
        parts.insert(0, _rejection(rejected))
    return section("coverage", "Accuracy over coverage", note, *parts)


def out_of_scope_section(content: dict[str, Any]) -> str:
    """Returns how well rows of no label are told from the others."""
    found = content["out_of_scope"]
    if found is None:
        return ""
    note = (
        "Rows whose label is none of the model's; the scores above leave them out. Both figures "
        "judge the probability of the best label, and rows in scope are the positives."
    )
    rows = [
        ["rows out of scope", number(found["rows"])],
        [
            "AUROC: how often a row in scope is more confident than one out of scope "
            "(Hendrycks and Gimpel 2017)",
            percent(found["auroc"], 2),
        ],
        [
            "FPR95: which share of them passes a threshold that 95 % of the rows in scope pass "
            "(Liang et al. 2018)",
            percent(found["fpr95"], 2),
        ],
        ["rejected by the model itself", percent(found["rejected"])],
    ]
    return section("scope", "Out of scope", note, table(["", "#"], rows, "narrow"))


def _rejection(found: dict[str, Any]) -> str:
    return (
        f'<p class="verdict">The model itself rejected {number(found["rejected"])} rows. It '
        f"answered {percent(found['coverage'])} of all, with an accuracy of "
        f"{interval(found['accuracy'])} %; of the rejected, {percent(found['wrong_rejected'])} "
        "would have been wrong. All other scores are of the most probable label, of every row.</p>"
    )


def _telling(thresholds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the thresholds from the last one on that all rows reach."""
    useless = sum(line["coverage"] == 1 for line in thresholds[1:])
    return thresholds[useless:]


def _gap(found: dict[str, Any]) -> float:
    filled = [b for b in found["bins"] if b["rows"]]
    rows = sum(b["rows"] for b in filled)
    right = sum(b["rows"] * b["accuracy"]["value"] for b in filled)
    return found["mean_confidence"] - right / rows
