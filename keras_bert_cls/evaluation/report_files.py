"""The report as files."""

import json
import os
import pathlib
from typing import Any

from keras_bert_cls.errors import UserError
from keras_bert_cls.evaluation.page.page import report_page
from keras_bert_cls.evaluation.report_json import report_json

JSON_FILE = "report.json"
PAGE_FILE = "report.html"


def make_report_folder(folder: str | os.PathLike) -> pathlib.Path:
    """Makes the folder of a report: before the work, not after.

    Raises:
      UserError: it cannot be made.
    """
    path = pathlib.Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--report {path}: {error.strerror}") from error
    return path


def write_report(folder: pathlib.Path, content: dict[str, Any]) -> None:
    """Writes report.json and report.html; the page says what the JSON says."""
    text = report_json(content)
    (folder / JSON_FILE).write_text(text, encoding="utf-8")
    (folder / PAGE_FILE).write_text(report_page(json.loads(text)), encoding="utf-8")
