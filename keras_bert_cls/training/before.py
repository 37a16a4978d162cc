"""The run that a run with focus classes is compared with."""

import contextlib
import dataclasses
import shutil
from collections.abc import Callable

from keras_bert_cls.data.labels import LabelSet
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.training.config import FinetuneConfig
from keras_bert_cls.training.earlier_run import load_classifier
from keras_bert_cls.training.held_out import classification_evaluator
from keras_bert_cls.training.metrics import Scores
from keras_bert_cls.training.split_reading import SplitReader


def run_before(
    config: FinetuneConfig, labels: LabelSet | None, report: Callable[[str], None]
) -> TrainedModel | None:
    """Loads what `focus_compare` names, or else `init_from` if that is such a classifier.

    Args:
      config: of this run.
      labels: of this run.
      report: is told if there is nothing to compare with.

    Returns:
      None if no classes are chosen, or there is nothing to compare with.

    Raises:
      UserError: `focus_compare` names no finished run of the same task and labels.
    """
    classes = config.classes
    if not classes.focus_classes:
        return None
    if classes.focus_compare:
        return load_classifier(
            classes.focus_compare, "--config.classes.focus_compare", config, labels
        )
    if config.init_from:
        with contextlib.suppress(UserError):
            return load_classifier(config.init_from, "--config.init_from", config, labels)
    report(
        "focus_classes: init_from is no classifier of these labels, and focus_compare names none: "
        "there will be no table of before and after"
    )
    return None


def score_earlier(
    trained: TrainedModel, reader: SplitReader, split: str, batch_size: int
) -> Scores:
    """Scores an earlier run's model on a split, read with its own tokenizer and maximum length."""
    settings = trained.settings
    reader = dataclasses.replace(reader, labels=LabelSet(settings.labels))
    name = f"before_{split}"
    store = reader.read(split, trained.tokenizer, settings.max_length, name)
    scores = classification_evaluator(
        trained.model,
        store,
        trained.tokenizer.vocabulary,
        settings.task,
        settings.labels,
        batch_size,
        reader.config.data.label_structure,
    )()
    if store.folder.name == name:
        shutil.rmtree(store.folder)
    return scores
