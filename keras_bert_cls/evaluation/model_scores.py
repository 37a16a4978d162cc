"""The scores of a run or an export alone, without a report and without its libraries."""

import os
from collections.abc import Callable

from keras_bert_cls.evaluation.evaluated_rows import read_evaluated_rows, what_was_read
from keras_bert_cls.evaluation.model_answers import BATCH_SIZE, ask
from keras_bert_cls.evaluation.run_data import run_data
from keras_bert_cls.inference import Classifier
from keras_bert_cls.training.evaluate_run import ScoredFiles
from keras_bert_cls.training.metrics import (
    Scores,
    multi_label_scores,
    regression_scores,
    single_label_scores,
)


def score_model(
    model: str | os.PathLike,
    data: ScoredFiles,
    report: Callable[[str], None] = lambda text: None,
    task: str | None = None,
) -> Scores:
    """Scores what a model answers through `Classifier`.

    Args:
      model: a finished run or an export.
      data: on what.
      report: is told what was read and skipped.
      task: which task of a model of several.

    Raises:
      UserError: there is no model or task, or a row cannot be used.
    """
    classifier = Classifier.load(model, task)
    table = data.labelled_table(run_data(model, task), classifier.task, classifier.text_pair)
    rows = read_evaluated_rows(data.files, table, classifier.labels)
    report(what_was_read(rows))
    answers = ask(classifier, rows, classifier.labels, data.batch_size or BATCH_SIZE)
    if classifier.task == "regression":
        return regression_scores(rows.targets, answers.predicted)
    if classifier.task == "multi_label":
        return multi_label_scores(rows.targets, answers.predicted, classifier.labels)
    structure = classifier.label_structure
    return single_label_scores(rows.targets, answers.predicted, classifier.labels, structure)
