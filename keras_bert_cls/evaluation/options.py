"""What an evaluation report is asked for. Imports no TensorFlow."""

import dataclasses
import os

from keras_bert_cls.errors import UserError
from keras_bert_cls.evaluation.bootstrap import Bootstrap


@dataclasses.dataclass(frozen=True)
class ReportOptions:
    """What to put into a report.

    Attributes:
      model: a finished run or an export.
      task: which of its tasks, if it has several.
      compare_with: another one; None compares with nothing.
      compare_with_task: which of its tasks, if it has several.
      slice_columns: columns of the data by whose values to score.
      out_of_scope_label: what the data calls rows that have none of the model's labels.
      bootstrap: how confidence intervals are drawn.
    """

    model: str | os.PathLike
    task: str | None = None
    compare_with: str | os.PathLike | None = None
    compare_with_task: str | None = None
    slice_columns: tuple[str, ...] = ()
    out_of_scope_label: str | None = None
    bootstrap: Bootstrap = dataclasses.field(default_factory=Bootstrap)


def require_report_libraries() -> None:
    """Raises UserError where matplotlib or scikit-learn is missing: before the work, not after."""
    try:
        import matplotlib  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError as error:
        raise UserError(
            "--report needs matplotlib and scikit-learn: pip install 'keras_bert_cls[report]'"
        ) from error
