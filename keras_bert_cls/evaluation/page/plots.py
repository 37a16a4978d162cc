"""The report's figures. Colours are of Okabe and Ito, which colour-blind readers tell apart."""

from collections.abc import Sequence
from typing import Any

from keras_bert_cls.evaluation.page.svg import STYLE, Names, columns, inline_svg, shortened

BLUE = "#0072b2"
ORANGE = "#d55e00"
GREY = "#98a2b3"

_PERCENT = 100


def confusion_plot(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> str:
    """Draws a confusion matrix: shades are shares of the label's rows, numbers are rows."""
    import matplotlib
    import numpy as np
    from matplotlib.figure import Figure

    counts = np.array(matrix)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    side = max(0.42 * len(labels), 1.8)
    margin = 0.085 * max(columns(shortened(label)) for label in labels) + 0.6
    names = Names()
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(side + margin + 0.2, side + margin + 0.2))
        axes = figure.add_axes(
            (margin / (side + margin + 0.2), 0.1 / (side + margin + 0.2))
            + (side / (side + margin + 0.2),) * 2
        )
        places = range(len(labels))
        # Not imshow: that would be a picture, which the page's policy does not load.
        axes.pcolormesh(places, places, shares, cmap="Blues", vmin=0, vmax=1, shading="nearest")
        axes.invert_yaxis()
        for row, column in zip(*np.nonzero(counts), strict=True):
            dark = shares[row, column] > 0.5
            axes.text(
                column,
                row,
                f"{counts[row, column]}",
                ha="center",
                va="center",
                fontsize=9,
                color="white" if dark else "#1b1f27",
            )
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        names.label_ticks(axes.xaxis, labels, rotation=90)
        names.label_ticks(axes.yaxis, labels)
        axes.tick_params(length=0, labelcolor="#344054")
        axes.spines[:].set_visible(False)
        axes.set(xlabel="predicted", ylabel="label")
        return inline_svg(figure, "confusion matrix", names)


def reliability_plot(bins: Sequence[dict[str, Any]], unit: str) -> str:
    """Draws accuracy over confidence by bins, and below it how many rows (`unit`) each has."""
    import matplotlib
    from matplotlib.figure import Figure

    filled = [b for b in bins if b["rows"]]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5, 5), layout="constrained")
        curve, rows = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        curve.plot([0, 100], [0, 100], color=GREY, linewidth=1, linestyle=(0, (4, 3)))
        x = [_PERCENT * b["confidence"] for b in filled]
        y = [_PERCENT * b["accuracy"]["value"] for b in filled]
        low = [_PERCENT * (b["accuracy"]["value"] - b["accuracy"]["low"]) for b in filled]
        high = [_PERCENT * (b["accuracy"]["high"] - b["accuracy"]["value"]) for b in filled]
        curve.errorbar(x, y, yerr=(low, high), color=BLUE, fmt="o", markersize=5, linewidth=1.5)
        curve.text(30, 21, "calibrated", color="#667085", rotation=38, fontsize=9)
        curve.set(ylabel="accuracy, %", ylim=(0, 102), xlim=(0, 101))
        centres = [_PERCENT * (b["low"] + b["high"]) / 2 for b in bins]
        width = 0.9 * _PERCENT / len(bins)
        rows.bar(centres, [b["rows"] for b in bins], width=width, color=BLUE, alpha=0.55)
        rows.set(xlabel="confidence, %", ylabel=unit)
        rows.locator_params(axis="y", nbins=3)
        return inline_svg(figure, "reliability diagram")


def coverage_plot(points: Sequence[dict[str, float]], marks: Sequence[dict[str, Any]]) -> str:
    """Draws accuracy over coverage, with some thresholds written beside the curve."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5, 5), layout="constrained")
        axes = figure.subplots()
        x = [_PERCENT * point["coverage"] for point in points]
        y = [_PERCENT * point["accuracy"] for point in points]
        axes.plot(x, y, color=BLUE, linewidth=1.75, drawstyle="steps-post" if len(x) < 30 else None)
        last = None
        for mark in marks:
            if mark["accuracy"] is None:
                continue
            place = _PERCENT * mark["coverage"], _PERCENT * mark["accuracy"]["value"]
            # Thresholds that hardly change anything would be written over each other.
            if last is None or last - place[0] >= 8:
                axes.plot(*place, color=ORANGE, marker="o", markersize=4.5)
                axes.annotate(
                    f"≥ {mark['threshold']:g}",
                    place,
                    (3, 6),
                    textcoords="offset points",
                    fontsize=8.5,
                    color="#a34700",
                )
                last = place[0]
        low = min(y)
        axes.set(xlabel="coverage, % of the rows", ylabel="accuracy of the answered, %")
        axes.set(xlim=(0, 107), ylim=(max(0, low - 0.12 * (100 - low) - 1), 101.5))
        axes.grid(axis="y", color="#e2e5ea", linewidth=0.8)
        return inline_svg(figure, "accuracy over coverage")


def precision_recall_plot(points: Sequence[dict[str, float]]) -> str:
    """Draws precision over recall."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5, 5), layout="constrained")
        axes = figure.subplots()
        x = [_PERCENT * point["recall"] for point in points]
        y = [_PERCENT * point["precision"] for point in points]
        axes.plot(x, y, color=BLUE, linewidth=1.75)
        axes.set(xlabel="recall, %", ylabel="precision, %", xlim=(0, 102), ylim=(0, 102))
        axes.grid(color="#e2e5ea", linewidth=0.8)
        return inline_svg(figure, "precision over recall")


def residual_plots(points: Sequence[Sequence[float]]) -> list[str]:
    """Draws predicted over true values, and the residuals over the predicted values."""
    true, predicted = [p[0] for p in points], [p[1] for p in points]
    ends = min(true), max(true)
    first = _scatter(true, predicted, ("true value", "predicted value"), (ends, ends))
    errors = [p[1] - p[0] for p in points]
    level = (min(predicted), max(predicted)), (0, 0)
    return [first, _scatter(predicted, errors, ("predicted value", "predicted - true"), level)]


def _scatter(x, y, titles: tuple[str, str], line) -> str:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5, 5), layout="constrained")
        axes = figure.subplots()
        axes.plot(*line, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
        axes.plot(x, y, color=BLUE, marker="o", markersize=4, linestyle="", alpha=0.45)
        axes.set(xlabel=titles[0], ylabel=titles[1])
        return inline_svg(figure, f"{titles[1]} over {titles[0]}")
