"""The evaluation report: what a model does on labelled rows, as data for JSON and the page."""

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.errors import UserError
from keras_bert_cls.evaluation.bootstrap import Bootstrap
from keras_bert_cls.evaluation.confident_errors import confident_errors
from keras_bert_cls.evaluation.evaluated_rows import (
    EvaluatedRows,
    read_evaluated_rows,
    what_was_read,
)
from keras_bert_cls.evaluation.judged_rows import JudgedRows
from keras_bert_cls.evaluation.label_noise import label_suspects
from keras_bert_cls.evaluation.model_answers import BATCH_SIZE, ModelAnswers, ask
from keras_bert_cls.evaluation.model_comparison import compare
from keras_bert_cls.evaluation.options import ReportOptions, require_report_libraries
from keras_bert_cls.evaluation.out_of_scope import score_out_of_scope
from keras_bert_cls.evaluation.repeated_texts import duplicates, in_training_data
from keras_bert_cls.evaluation.run_data import run_data
from keras_bert_cls.evaluation.slices import languages, score_lengths, score_slices
from keras_bert_cls.evaluation.task_parts import task_parts
from keras_bert_cls.inference import Classifier
from keras_bert_cls.proportions import LEVEL
from keras_bert_cls.training.evaluate_run import ScoredFiles

REPORT_FORMAT = 1

_MOST_SUSPECTS = 30


def build_report(
    options: ReportOptions,
    data: ScoredFiles,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Evaluates a model on labelled files.

    The rows and the model's answers are kept in memory.

    Args:
      options: which model, and what to look at.
      data: on what.
      tell: is told what was read and skipped, and what comes next.

    Returns:
      The report; docs/evaluation.md says what is in it. The same call gives the same report.

    Raises:
      UserError: a library or a model is missing, or a row cannot be used.
    """
    require_report_libraries()
    classifier = Classifier.load(options.model, options.task)
    config = run_data(options.model, options.task)
    table = data.labelled_table(config, classifier.task, classifier.text_pair)
    rows = read_evaluated_rows(
        data.files, table, classifier.labels, options.slice_columns, options.out_of_scope_label
    )
    tell(what_was_read(rows))
    evaluation = _Evaluation(classifier, rows, data.batch_size or BATCH_SIZE, options, tell)
    return {
        "format": REPORT_FORMAT,
        "model": {
            "path": str(options.model),
            **({"task_name": options.task} if options.task else {}),
            "task": classifier.task,
            "labels": list(classifier.labels),
            "text_pair": classifier.text_pair,
        },
        "data": {
            "files": list(data.files),
            "rows": len(rows),
            "in_scope": int(rows.in_scope.sum()),
            "skipped": rows.skipped,
        },
        "bootstrap": {
            "samples": options.bootstrap.samples,
            "seed": options.bootstrap.seed,
            "level": LEVEL,
        },
        **evaluation.parts(config),
    }


class _Evaluation:
    """The parts of a report that look at a model's answers."""

    def __init__(
        self,
        classifier: Classifier,
        rows: EvaluatedRows,
        batch_size: int,
        options: ReportOptions,
        tell: Callable[[str], None],
    ):
        self._classifier = classifier
        self._all_rows = rows
        self._batch_size = batch_size
        self._options = options
        self._bootstrap: Bootstrap = options.bootstrap
        self._tell = tell
        self._all_answers = ask(classifier, rows, classifier.labels, batch_size)
        self._judged = self._judge(self._all_answers)

    def parts(self, config: ClassificationData | None) -> dict[str, Any]:
        judged = self._judged
        tokens = self._classifier.tokenize(
            judged.rows.texts, judged.rows.text_pairs, self._batch_size
        )
        errors = confident_errors(judged)
        return {
            "scores": judged.scores(self._bootstrap),
            **task_parts(judged),
            "out_of_scope": self._out_of_scope(),
            "slices": self._slices(np.array([len(row) for row in tokens])),
            "confident_errors": [{**e, "tokens": tokens[e["row"]]} for e in errors],
            "label_noise": self._label_noise(),
            "duplicates": duplicates(self._all_rows.rows),
            "training_overlap": self._overlap(config),
            "comparison": self._comparison(),
        }

    def _judge(self, answers: ModelAnswers) -> JudgedRows:
        inside = self._all_rows.in_scope
        rows, asked = self._all_rows.take(inside), self._classifier
        answers = answers.take(inside)
        return JudgedRows(asked.task, asked.labels, rows, answers, asked.label_structure)

    def _out_of_scope(self) -> dict[str, Any] | None:
        outside = ~self._all_rows.in_scope
        if not outside.any():
            return None
        answers = self._all_answers.take(outside)
        inside = self._judged.answers.best_probabilities
        return score_out_of_scope(inside, answers.best_probabilities, answers.rejected)

    def _slices(self, lengths: np.ndarray) -> list[dict[str, Any]]:
        judged, bootstrap = self._judged, self._bootstrap
        return [
            score_lengths(lengths, judged, bootstrap),
            score_slices("language", languages(judged), judged, bootstrap),
            *(
                score_slices(name, values.tolist(), judged, bootstrap)
                for name, values in judged.rows.slices.items()
            ),
        ]

    def _label_noise(self) -> dict[str, Any] | None:
        judged = self._judged
        if judged.task != "single_label":
            return None
        self._tell("looking for wrong labels")
        embeddings = self._classifier.embed(
            judged.rows.texts, judged.rows.text_pairs, self._batch_size
        )
        found = label_suspects(embeddings, judged.rows.targets, self._bootstrap.seed)
        shown = [
            {
                **judged.place(suspect["row"]),
                "probability": suspect["probability"],
                "suggested": judged.labels[suspect["suggested"]],
                "suggested_probability": suspect["suggested_probability"],
                **judged.answer(suspect["row"]),
            }
            for suspect in found["suspects"][:_MOST_SUSPECTS]
        ]
        return {**found, "suspects": len(found["suspects"]), "most_suspicious": shown}

    def _overlap(self, config: ClassificationData | None) -> dict[str, Any] | None:
        if config is None:
            return None
        seen = in_training_data(self._judged.rows.rows, config)
        if seen is None:
            return None
        parts = {"seen": seen, "unseen": ~seen}
        scores = {
            name: self._judged.take(part).scores(self._bootstrap) if part.any() else None
            for name, part in parts.items()
        }
        where = [self._judged.rows.rows[k].where for k in np.flatnonzero(seen)[:_MOST_SUSPECTS]]
        files = list(config.train_files)
        return {"rows": int(seen.sum()), "files": files, "where": where, "scores": scores}

    def _comparison(self) -> dict[str, Any] | None:
        other = self._options.compare_with
        if other is None:
            return None
        self._tell(f"comparing with {other}")
        classifier = Classifier.load(other, self._options.compare_with_task)
        self._require_alike(classifier)
        answers = ask(classifier, self._all_rows, self._classifier.labels, self._batch_size)
        compared = compare(self._judged, self._judge(answers), self._bootstrap)
        return {"model": str(other), **compared}

    def _require_alike(self, other: Classifier) -> None:
        for name in ("task", "text_pair"):
            ours, theirs = getattr(self._classifier, name), getattr(other, name)
            if ours != theirs:
                raise UserError(
                    f"--compare_with {self._options.compare_with}: its {name} is {theirs!r}, that "
                    f"of {self._options.model} is {ours!r}. Compare models of one task."
                )
