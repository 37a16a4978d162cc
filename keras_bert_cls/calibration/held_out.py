"""The logits of a finished run's model on labelled rows that it was not trained on."""

import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_bert_cls.data.batch_plan import scoring_plan
from keras_bert_cls.data.batches import ClassificationBatches
from keras_bert_cls.data.classification_rows import build_classification_store
from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.data.labels import LabelSet
from keras_bert_cls.data.pipeline import evaluation_dataset
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.training.config import FinetuneConfig
from keras_bert_cls.training.data_report import data_report
from keras_bert_cls.training.evaluate_run import ScoredFiles
from keras_bert_cls.training.run_directory import RunDirectory

_BATCH_SIZE = 32
_INPUTS = ("token_ids", "segment_ids", "padding_mask")


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """What a classifier says about labelled rows.

    Attributes:
      logits: of the rows in scope, float64 [n, labels].
      targets: label ids int [n], or of a multi-label model bool [n, labels].
      out_of_scope: logits of the rows whose label is not the model's, float64 [m, labels].
      files: the names of the files.
    """

    logits: np.ndarray
    targets: np.ndarray
    out_of_scope: np.ndarray
    files: tuple[str, ...]


def read_held_out(
    workdir: str | os.PathLike,
    trained: TrainedModel,
    data: ScoredFiles,
    out_of_scope_label: str | None = None,
    report: Callable[[str], None] = lambda text: None,
) -> HeldOut:
    """Runs a run's model over labelled files.

    Args:
      workdir: the run's folder.
      trained: its model, a classifier.
      data: which files, and how to read them; without files the run's dev files.
      out_of_scope_label: the label of rows that have none of a single-label model's; None if there
        are no such rows.
      report: is told how many rows there are, and what was skipped and truncated.

    Raises:
      UserError: a file or a row cannot be used, or no row has `out_of_scope_label`.
    """
    labels = trained.settings.labels
    extra = () if out_of_scope_label is None else (out_of_scope_label,)
    if out_of_scope_label in labels:
        raise UserError(
            f"out_of_scope_label must not be a label of the model, got {out_of_scope_label!r}"
        )
    files, table = _data_of(workdir, trained, data)
    with tempfile.TemporaryDirectory(prefix="bertcls-calibrate-") as folder:
        store = build_classification_store(
            f"{folder}/store", files, table, trained.tokenizer, LabelSet((*labels, *extra))
        )
        report(data_report("data", store))
        parts = zip(*_outputs(trained, store, data.batch_size or _BATCH_SIZE), strict=True)
        logits, targets = (np.concatenate(part) for part in parts)
        names = tuple(os.path.basename(name) for name in store.description["sources"])
    if trained.settings.task == "multi_label":
        return HeldOut(logits, targets > 0, logits[:0], names)
    inside = targets < len(labels)
    if extra and inside.all():
        raise UserError(f"no row of {', '.join(files)} has the label {out_of_scope_label!r}")
    if not inside.any():
        raise UserError(f"every row of {', '.join(files)} is out of scope")
    return HeldOut(logits[inside], targets[inside], logits[~inside], names)


def _outputs(
    trained: TrainedModel, store: TokenStore, batch_size: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields logits and targets of batches."""
    vocabulary = trained.tokenizer.vocabulary
    batches = ClassificationBatches(store, vocabulary, len(trained.settings.labels))
    dataset = evaluation_dataset(scoring_plan(store.lengths("token_ids"), batch_size), batches)

    @tf.function(input_signature=[{name: dataset.element_spec[name] for name in _INPUTS}])
    def logits_of(inputs):
        return trained.model(inputs, training=False)["logits"]

    with tqdm(total=len(store), desc="scoring", unit=" rows", disable=None, leave=False) as bar:
        for batch in dataset:
            logits = logits_of({name: batch[name] for name in _INPUTS})
            real = batch["sample_weight"].numpy() > 0
            yield logits.numpy()[real].astype(np.float64), batch["target"].numpy()[real]
            bar.update(int(real.sum()))


def _data_of(
    workdir: str | os.PathLike, trained: TrainedModel, data: ScoredFiles
) -> tuple[tuple[str, ...], ClassificationData]:
    """Returns the files and how to read them: as told, else as the run's config says."""
    config = RunDirectory(workdir).read_config()
    run = config.data if isinstance(config, FinetuneConfig) else None
    if not data.files and run is not None:
        data = dataclasses.replace(data, files=run.dev_files)
    if not data.files:
        raise UserError(f"the run in {workdir} has no dev files: name labelled files with --data")
    settings = trained.settings
    table = data.labelled_table(run, settings.task, settings.text_pair)
    return data.files, dataclasses.replace(table, max_length=settings.max_length)
