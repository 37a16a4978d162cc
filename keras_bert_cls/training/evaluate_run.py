"""Scores the model of a finished run on other files."""

import dataclasses
import os
import tempfile
from collections.abc import Callable
from typing import Any

from keras_bert_cls.data.classification_rows import build_classification_store
from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.data.labels import LabelSet
from keras_bert_cls.data.pretraining_rows import build_pretraining_store
from keras_bert_cls.data.seq2seq_config import Seq2SeqData
from keras_bert_cls.data.seq2seq_rows import build_seq2seq_store
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.training.config import (
    FinetuneConfig,
    PretrainConfig,
    Seq2SeqConfig,
)
from keras_bert_cls.training.data_report import data_report
from keras_bert_cls.training.held_out import classification_evaluator, masked_lm_evaluator
from keras_bert_cls.training.metrics import Scores
from keras_bert_cls.training.run_config import RunConfig, config_of_task
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.seq2seq_scores import seq2seq_scores

_BATCH_SIZE = 32


@dataclasses.dataclass(frozen=True)
class ScoredFiles:
    """What to score a model on.

    Attributes:
      files: paths and glob patterns.
      file_format, text_column, text_pair_column, label_column: see TableSpec; None is what the
        run's config says.
      batch_size: rows that run at once; None is the run's.
      on_bad_row, unknown_label: see ClassificationData; None is what the run's config says.
    """

    files: tuple[str, ...]
    file_format: str | None = None
    text_column: str | None = None
    text_pair_column: str | None = None
    label_column: str | None = None
    batch_size: int | None = None
    on_bad_row: str | None = None
    unknown_label: str | None = None

    def given(self) -> dict[str, Any]:
        """Returns how to read the files, as far as it is not None."""
        fields = {k: v for k, v in vars(self).items() if k not in ("files", "batch_size")}
        return {name: value for name, value in fields.items() if value is not None}

    def labelled_table(
        self, run: ClassificationData | None, task: str, text_pair: bool
    ) -> ClassificationData:
        """Returns how to read the files for a classifier or a regression model.

        Args:
          run: what the config of the model's run says about its own files; what is given here goes
            before. None if there is no such config.
          task: the model's.
          text_pair: whether the model takes two texts.

        Raises:
          UserError: a column is missing, or does not suit the model.
        """
        table = run or ClassificationData()
        if self.file_format is not None:  # The layout of the run's files says nothing about others.
            table = dataclasses.replace(table, header=None, delimiter=None)
        table = dataclasses.replace(table, task=task, **self.given())
        problems = table.table(self.files).problems()
        for column in ("text_column", "label_column"):
            if getattr(table, column) is None:
                problems.append(f"{column} is not given: name it with --{column}")
        if text_pair and table.text_pair_column is None:
            problems.append(
                "text_pair_column is not given, and the model takes two texts: name it with "
                "--text_pair_column"
            )
        if table.text_pair_column is not None and not text_pair:
            problems.append("text_pair_column is given, but the model takes one text")
        _refuse(problems)
        return table


def evaluate_run(
    workdir: str | os.PathLike,
    data: ScoredFiles,
    report: Callable[[str], None] = lambda text: None,
    task: str | None = None,
) -> Scores:
    """Scores a finished run's model.

    A masked LM is scored on plain text: the same tokens are masked each time, and on the run's dev
    files the scores are those that the run logged.

    Args:
      workdir: the run's folder.
      data: on what.
      report: is told what was read, skipped and truncated.
      task: which task of a model of several.

    Raises:
      UserError: the folder holds no finished run, there is no such task, or a row cannot be used.
    """
    trained = TrainedModel.load(workdir).of_task(task)
    trained.require_head()
    config = config_of_task(RunDirectory(workdir).read_config(), task)
    scorers = {"masked_lm": _score_masked_lm, "seq2seq": _score_seq2seq}
    score = scorers.get(trained.settings.task, _score_classifier)
    with tempfile.TemporaryDirectory(prefix="bertcls-evaluate-") as folder:
        return score(f"{folder}/store", trained, config, data, report)


def _score_classifier(
    folder: str,
    trained: TrainedModel,
    config: RunConfig | None,
    data: ScoredFiles,
    report: Callable[[str], None],
) -> Scores:
    settings = trained.settings
    run = config.data if isinstance(config, FinetuneConfig) else None
    table = data.labelled_table(run, settings.task, settings.text_pair)
    table = dataclasses.replace(table, max_length=settings.max_length)
    labels = LabelSet(settings.labels) if settings.labels else None
    store = build_classification_store(folder, data.files, table, trained.tokenizer, labels)
    report(data_report("data", store))
    batch_size = data.batch_size or (config.train.batch_size if config else _BATCH_SIZE)
    return classification_evaluator(
        trained.model,
        store,
        trained.tokenizer.vocabulary,
        settings.task,
        settings.labels,
        batch_size,
        settings.label_structure,
    )()


def _score_masked_lm(
    folder: str,
    trained: TrainedModel,
    config: RunConfig | None,
    data: ScoredFiles,
    report: Callable[[str], None],
) -> Scores:
    for field in ("text_pair_column", "label_column", "unknown_label"):
        if field in data.given():
            _refuse([f"{field} is given, but a masked language model is scored on plain text"])
    run_config = config if isinstance(config, PretrainConfig) else PretrainConfig()
    text = dataclasses.replace(
        run_config.data, files=data.files, max_length=trained.settings.max_length, **data.given()
    )
    _refuse(text.problems())
    store = build_pretraining_store(folder, data.files, text, trained.tokenizer)
    report(data_report("data", store))
    batch_size = data.batch_size or (config.train.batch_size if config else _BATCH_SIZE)
    vocabulary = trained.tokenizer.vocabulary
    return masked_lm_evaluator(trained.model, store, vocabulary, run_config, batch_size)()


def _score_seq2seq(
    folder: str,
    trained: TrainedModel,
    config: RunConfig | None,
    data: ScoredFiles,
    report: Callable[[str], None],
) -> Scores:
    """Scores outputs; the targets are the second texts."""
    for field in ("label_column", "unknown_label"):
        if field in data.given():
            _refuse([f"{field} is given, but the targets are text: name text_pair_column"])
    columns = data.given()
    columns["target_column"] = columns.pop("text_pair_column", None)
    table = config.data if isinstance(config, Seq2SeqConfig) else Seq2SeqData()
    if data.file_format is not None:
        table = dataclasses.replace(table, header=None, delimiter=None)
    given = {name: value for name, value in columns.items() if value is not None}
    table = dataclasses.replace(table, train_files=data.files, **given)
    table = dataclasses.replace(table, max_length=trained.settings.max_length)
    _refuse(table.problems())
    store = build_seq2seq_store(folder, data.files, table, trained.tokenizer)
    report(data_report("data", store))
    batch_size = data.batch_size or (config.train.batch_size if config else _BATCH_SIZE)
    return seq2seq_scores(trained, store, batch_size)


def _refuse(problems: list[str]) -> None:
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise UserError(f"the data cannot be read like this:{lines}")
