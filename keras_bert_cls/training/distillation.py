"""The teacher of a distillation: what it says of every training row, computed once."""

import dataclasses
import hashlib
import pathlib
import shutil
import time
from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_bert_cls.data.batches import pad_sequences
from keras_bert_cls.data.labels import LabelSet
from keras_bert_cls.data.row_matrix import reuse_or_compute
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.document_encoder import document_config, document_encoder
from keras_bert_cls.modeling.encoder import (
    INPUT_NAMES,
    build_encoder,
    copy_shared_weights,
    encoder_config,
)
from keras_bert_cls.modeling.models import classifier_model, head_settings
from keras_bert_cls.modeling.trained_model import (
    MODEL_FILE,
    SETTINGS_FILE,
    VOCABULARY_FILE,
    TrainedModel,
)
from keras_bert_cls.training.config import FinetuneConfig
from keras_bert_cls.training.earlier_run import load_classifier
from keras_bert_cls.training.split_reading import SplitReader

_WINDOW_ROWS = 8192
_BATCH_TOKENS = 8192
_OWN_ROWS = "teacher_rows"


@dataclasses.dataclass(frozen=True)
class Teacher:
    """A finished run that says what it thinks of texts.

    Attributes:
      trained: its model, tokenizer and settings.
      order: for each of the student's logits its place among the teacher's, int [labels].
      digest: of the files of the run.
    """

    trained: TrainedModel
    order: np.ndarray
    digest: str

    @classmethod
    def load(cls, config: FinetuneConfig, labels: LabelSet | None) -> "Teacher":
        """Loads the teacher of a run.

        Args:
          config: of the student.
          labels: of the student; None for regression.

        Raises:
          UserError: there is no finished run, or it has another task, other labels, or takes
            another number of texts than the student.
        """
        folder = config.distillation.teacher
        trained = load_classifier(folder, "--config.distillation.teacher", config, labels)
        settings, names = trained.settings, labels.names if labels else ()
        if settings.head == "adaptive":
            raise UserError(
                f"--config.distillation.teacher {folder}: its head is adaptive, which keeps no "
                "scores of all labels"
            )
        order = [settings.labels.index(name) for name in names] or [0]
        return cls(trained, np.array(order), _digest(pathlib.Path(folder)))

    def logits_of(
        self, reader: SplitReader, store: TokenStore, report: Callable[[str], None]
    ) -> np.ndarray:
        """Returns what the teacher says of the training rows, computed before or now.

        The rows are read with the teacher's own tokenizer and maximum length. What was computed
        before a process was killed is not computed again.

        Args:
          reader: reads the rows.
          store: the rows as the student sees them.
          report: is told what was computed.

        Returns:
          float32 [rows, labels] in the student's order of labels, memory-mapped.
        """
        tokenizer, max_length = self.trained.tokenizer, self.trained.settings.max_length
        rows = reader.fingerprint("train", tokenizer, max_length)
        digest = hashlib.sha256(f"{self.digest} {rows} {self.order.tolist()}".encode()).hexdigest()

        def compute(start: int) -> Iterator[np.ndarray]:
            own = reader.read("train", tokenizer, max_length, _OWN_ROWS)
            _check_same_rows(store, own)
            began = time.perf_counter()
            yield from self._windows(own, start)
            seconds = time.perf_counter() - began
            count = len(own) - start
            report(
                f"teacher: logits of {count:,} rows in {seconds:.1f} s ({count / seconds:,.0f} "
                "rows/s)"
            )
            if own.folder != store.folder:
                shutil.rmtree(own.folder)

        shape = (len(store), len(self.order))
        folders = reader.run.stores("teacher", reader.worker)
        return reuse_or_compute(folders, digest, shape, _WINDOW_ROWS, compute)

    def _windows(self, store: TokenStore, start: int) -> Iterator[np.ndarray]:
        model = _packed(self.trained.model)
        names = [tf.TensorSpec([None, None], tf.int32, name=name) for name in INPUT_NAMES]

        @tf.function(input_signature=names)
        def logits(*inputs):
            return model(dict(zip(INPUT_NAMES, inputs, strict=True)), training=False)["logits"]

        lengths = store.lengths("token_ids")
        settings = {"total": len(store), "initial": start, "desc": "teacher", "unit": " rows"}
        with tqdm(**settings, unit_scale=True, disable=None, leave=False) as bar:
            for first in range(start, len(store), _WINDOW_ROWS):
                window = lengths[first : first + _WINDOW_ROWS]
                values = np.empty((len(window), len(self.order)), np.float32)
                for places in _batches(window):
                    batch = self._batch(store, first + places)
                    found = logits(*(batch[name] for name in INPUT_NAMES)).numpy()
                    values[places] = found[:, self.order]
                    bar.update(len(places))
                yield values

    def _batch(self, store: TokenStore, rows: np.ndarray) -> dict[str, np.ndarray]:
        return pad_sequences(
            [store.row("token_ids", row) for row in rows],
            store.values("first_length")[rows],
            self.trained.tokenizer.vocabulary.pad_id,
        )


def _packed(model: keras.Model) -> keras.Model:
    """Returns the model on packed tokens: runs that were compiled with XLA have it without."""
    config = encoder_config(model)
    if config.pack_tokens:
        return model
    config = dataclasses.replace(config, pack_tokens=True)
    encoder, documents = build_encoder(config), document_config(model)
    if documents:
        encoder = document_encoder(encoder, documents)
    labels = model.output["logits"].shape[-1]
    packed = classifier_model(encoder, labels, head=head_settings(model))
    copy_shared_weights(model, packed)
    return packed


def _batches(lengths: np.ndarray) -> Iterator[np.ndarray]:
    """Yields places of rows of like length, the longest first, so that memory peaks at once."""
    order = np.argsort(-lengths, kind="stable")
    while order.size:
        rows = max(1, _BATCH_TOKENS // int(lengths[order[0]]))
        yield order[:rows]
        order = order[rows:]


def _check_same_rows(student: TokenStore, teacher: TokenStore) -> None:
    same = len(student) == len(teacher) and all(
        np.array_equal(student.values(name), teacher.values(name)) for name in ("file", "line")
    )
    if not same:
        raise UserError(
            "the training files changed while they were read: the teacher saw other rows than the "
            "student. Start the same command again."
        )


def _digest(folder: pathlib.Path) -> str:
    """Returns a digest of what the teacher's answers depend on."""
    digest = hashlib.sha256()
    for name in (MODEL_FILE, VOCABULARY_FILE, SETTINGS_FILE):
        with open(folder / name, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
