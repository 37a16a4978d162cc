"""What the fine-tunings of both sides say together: means, standard errors, intervals."""

import dataclasses
import math
import statistics
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two sides' accuracies, in points of 100.

    Attributes:
      ours, theirs: by run.
      difference: of the means, ours less theirs.
      margin: half the width of its 95 % interval; NaN where a side has one run only.
    """

    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    difference: float
    margin: float


def compare_unpaired(ours: Sequence[float], theirs: Sequence[float]) -> Comparison:
    """Compares runs with noise of their own (Welch 1947)."""
    difference = statistics.mean(ours) - statistics.mean(theirs)
    if min(len(ours), len(theirs)) < 2:
        return Comparison(tuple(ours), tuple(theirs), difference, math.nan)
    squares = [statistics.variance(runs) / len(runs) for runs in (ours, theirs)]
    freedom = sum(squares) ** 2 / sum(
        square**2 / (len(runs) - 1)
        for square, runs in zip(squares, (ours, theirs), strict=True)
        if square
    )
    margin = _t95(freedom) * math.sqrt(sum(squares))
    return Comparison(tuple(ours), tuple(theirs), difference, margin)


def compare_paired(ours: Sequence[float], theirs: Sequence[float]) -> Comparison:
    """Compares runs that differ in nothing but who computes them."""
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    margin = math.nan
    if len(differences) > 1:
        error = statistics.stdev(differences) / math.sqrt(len(differences))
        margin = _t95(len(differences) - 1) * error
    return Comparison(tuple(ours), tuple(theirs), statistics.mean(differences), margin)


def _t95(freedom: float) -> float:
    import scipy.stats

    return float(scipy.stats.t.ppf(0.975, freedom))


def tables(results: Sequence[dict]) -> str:
    """Returns the results as Markdown.

    Args:
      results: of each fine-tuning: `spec`, `arm`, and `ours` and `theirs` where they are finished.
    """
    parts = [
        f"{arm}:\n\n{_table([result for result in results if result['arm'] == arm], arm)}"
        for arm in ("usual", "paired")
    ]
    return "\n\n".join([*parts, f"times:\n\n{_times(results)}"])


def _table(results: Sequence[dict], arm: str) -> str:
    lines = [
        "| data | training rows x passes | runs | ours, accuracy | transformers | difference |",
        "|---|---|---|---|---|---|",
    ]
    for group in _groups(results):
        spec = group[0]["spec"]
        if arm == "paired":  # seed by seed
            group = [result for result in group if "ours" in result and "theirs" in result]
        sides = [
            [100 * result[side]["accuracy"] for result in group if side in result]
            for side in ("ours", "theirs")
        ]
        if not all(sides):
            continue
        compare = compare_paired if arm == "paired" else compare_unpaired
        passes = spec["steps"] * spec["batch_size"] / spec["train_rows"]
        found = compare(*sides)
        margin = "" if math.isnan(found.margin) else f" ± {found.margin:.2f}"
        lines.append(
            f"| {_name(spec)} | {spec['train_rows']:,} x {passes:.0f} | "
            f"{len(found.ours)} + {len(found.theirs)} | {_mean(found.ours)} | "
            f"{_mean(found.theirs)} | {found.difference:+.2f}{margin} |"
        )
    return "\n".join(lines)


def _times(results: Sequence[dict]) -> str:
    """Returns the times of runs that both sides did on the same CPUs."""
    lines = ["| data | runs | ours, examples/s | theirs / ours | on |", "|---|---|---|---|---|"]
    for group in _groups(results):
        pairs = [
            (result["ours"], result["theirs"])
            for result in group
            if "ours" in result
            and "theirs" in result
            and result["ours"]["device"] == result["theirs"]["device"]
        ]
        if pairs:
            ratios = [b["seconds_per_step"] / a["seconds_per_step"] for a, b in pairs]
            spec = group[0]["spec"]
            speed = statistics.median(spec["batch_size"] / a["seconds_per_step"] for a, _ in pairs)
            lines.append(
                f"| {_name(spec)} | {len(pairs)} | {speed:.0f} | {statistics.median(ratios):.2f} "
                f"({min(ratios):.2f}–{max(ratios):.2f}) | {pairs[0][0]['device']} |"
            )
    return "\n".join(lines)


def _groups(results: Sequence[dict]) -> list[list[dict]]:
    groups: dict[tuple, list[dict]] = {}
    for result in results:
        spec = result["spec"]
        key = (_name(spec), spec["train_rows"], spec["steps"], result["arm"])
        groups.setdefault(key, []).append(result)
    return list(groups.values())


def _name(spec: dict) -> str:
    return spec["name"] + (" in bf16" if spec["bf16"] else "")


def _mean(values: Sequence[float]) -> str:
    """Returns mean ± standard error; a single value as it is."""
    if len(values) < 2:
        return f"{values[0]:.2f}"
    error = statistics.stdev(values) / math.sqrt(len(values))
    return f"{statistics.mean(values):.2f} ± {error:.2f}"
