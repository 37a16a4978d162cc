"""The report as one HTML page: its style and figures inside, no script, nothing from elsewhere."""

import importlib.resources
import string
from typing import Any

from keras_bert_cls.evaluation.page.comparison_section import comparison_section
from keras_bert_cls.evaluation.page.html import escaped, number
from keras_bert_cls.evaluation.page.probability_sections import (
    calibration_section,
    coverage_section,
    out_of_scope_section,
)
from keras_bert_cls.evaluation.page.row_sections import (
    error_section,
    repetition_section,
    suspect_section,
)
from keras_bert_cls.evaluation.page.score_sections import (
    confusion_section,
    headline,
    label_section,
    residual_section,
    slice_section,
)

_SECTIONS = {
    "comparison": ("Comparison", comparison_section),
    "labels": ("Labels", label_section),
    "confusion": ("Confusion", confusion_section),
    "residuals": ("Values", residual_section),
    "calibration": ("Calibration", calibration_section),
    "coverage": ("Coverage", coverage_section),
    "scope": ("Out of scope", out_of_scope_section),
    "slices": ("Parts of the data", slice_section),
    "errors": ("Errors", error_section),
    "suspects": ("Doubtful labels", suspect_section),
    "repeated": ("Repeated texts", repetition_section),
}

_PAGE = string.Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>$title</title>
<style>
$style</style>
</head>
<body>
<header><h1>Evaluation of $model</h1><p>$data</p></header>
<nav>$links</nav>
<main>
$headline$skipped$sections</main>
<footer class="note"><p>$footer</p></footer>
</body>
</html>
""")


def report_page(content: dict[str, Any]) -> str:
    """Returns the page of a report, as `build_report` made it."""
    made = {name: make(content) for name, (_, make) in _SECTIONS.items()}
    links = [f'<a href="#{name}">{_SECTIONS[name][0]}</a>' for name, html in made.items() if html]
    model, data = content["model"], content["data"]
    return _PAGE.substitute(
        title=escaped(f"Evaluation of {model['path']}"),
        style=importlib.resources.files(__package__).joinpath("page.css").read_text("utf-8"),
        model=escaped(model["path"]),
        data=_data(model, data),
        links="".join(links),
        headline=headline(content),
        skipped=f'<p class="warning">{escaped(data["skipped"])}</p>' if data["skipped"] else "",
        sections="".join(made.values()),
        footer=_footer(content["bootstrap"]),
    )


def _data(model: dict[str, Any], data: dict[str, Any]) -> str:
    parts = [f"{number(data['in_scope'])} rows of {escaped(', '.join(data['files']))}"]
    if outside := data["rows"] - data["in_scope"]:
        parts.append(f"and {number(outside)} out of scope")
    if model["labels"]:
        parts.append(f"· {number(len(model['labels']))} labels")
    return " ".join([*parts, f"· {model['task'].replace('_', ' ')}"])


def _footer(bootstrap: dict[str, Any]) -> str:
    return (
        f"Intervals are of {100 * bootstrap['level']:.0f} %: those of the scores at the top, of "
        f"differences and of values by the percentile bootstrap ({number(bootstrap['samples'])} "
        f"draws, seed {bootstrap['seed']}), those of shares of rows by Wilson's score. They say "
        "how much the scores depend on which rows happen to be in the data, and nothing about how "
        "much a training run with another seed would differ."
    )
