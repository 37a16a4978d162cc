"""Classifier: labels, scores and values for texts, from a finished run or from an export."""

import itertools
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent import futures

import numpy as np

from keras_bert_cls.cpus import usable_cpus
from keras_bert_cls.data.label_structure import NO_STRUCTURE, LabelStructure
from keras_bert_cls.errors import UserError
from keras_bert_cls.export.find_model import find_model
from keras_bert_cls.modeling.task_choice import require_task
from keras_bert_cls.predictions import Prediction, path_of, task_signature, top_prediction
from keras_bert_cls.text.row_batches import batch_parts, row_batches
from keras_bert_cls.text.token_estimate import BERT_TOKENS
from keras_bert_cls.text.utf8 import encode_text

_NO_ROW = object()

Arrays = dict[str, np.ndarray]
# Name of a signature, input name -> string [n]; to output name -> array [n, ...].
Call = Callable[[str, Arrays], Arrays]


class Classifier:
    """Predicts with a classification or regression model. Made by `Classifier.load`.

    A run and its export give the same numbers to 1e-5. Calls are thread-safe.

    Attributes:
      task: "single_label", "multi_label" or "regression".
      labels: the labels in the model's order; empty for regression.
      text_pair: whether the model takes two texts.
      max_length: tokens to which it cuts a text.
      label_structure: how the labels relate to each other.
    """

    def __init__(
        self,
        call: Call,
        task: str,
        labels: Sequence[str],
        text_pair: bool,
        max_length: int = BERT_TOKENS,
        label_structure: LabelStructure = NO_STRUCTURE,
    ):
        self.task = task
        self.labels = tuple(labels)
        self.text_pair = text_pair
        self.max_length = max_length
        self.label_structure = label_structure
        self._call = call
        self._threads = _parts_at_once()

    @classmethod
    def load(
        cls, path: str | os.PathLike, task: str | None = None, intra_op_threads: int = 0
    ) -> "Classifier":
        """Loads a model.

        Args:
          path: the --workdir of a finished run, the --output of bertcls-export (the newest version
            is taken), or one version in it.
          task: which of its tasks, if it has several.
          intra_op_threads: threads that share an op of an export; 0 is TensorFlow's choice. 1 is
            faster for texts of a sentence, as the rows of a batch are spread over the CPUs
            anyway. It holds for all that the process runs on TensorFlow, unless that has run
            something before: then it has no effect.

        Raises:
          UserError: there is no model at `path`, it is a masked language model, or it has no such
            task.
        """
        folder, is_run = find_model(path)
        if is_run:
            return cls._load_run(folder, task)
        return cls._load_export(folder, task, intra_op_threads)

    def predict(
        self,
        texts: Iterable[str],
        text_pairs: Iterable[str] | None = None,
        batch_size: int = 32,
    ) -> list[Prediction]:
        """Predicts for texts; see `predict_iter`, which does not keep all of them in memory."""
        return list(self.predict_iter(texts, text_pairs, batch_size))

    def predict_iter(
        self,
        texts: Iterable[str],
        text_pairs: Iterable[str] | None = None,
        batch_size: int = 32,
    ) -> Iterator[Prediction]:
        """Predicts for a stream of texts.

        Args:
          texts: the texts; read as the predictions are taken, a batch ahead of them.
          text_pairs: the second texts, for models that take pairs.
          batch_size: texts that run at once, in parts on all CPUs unless there is a GPU.

        Returns:
          An iterator over the predictions, in the order of the texts.

        Raises:
          UserError: the model takes pairs and there are none or the other way round, there are more
            texts than second texts or the other way round, or one is not a string.
        """
        columns = self._columns(texts, text_pairs, batch_size)
        answers = self._answers("serving_default", columns, batch_size)
        return (prediction for outputs in answers for prediction in self._predictions(outputs))

    def embed(
        self,
        texts: Iterable[str],
        text_pairs: Iterable[str] | None = None,
        batch_size: int = 32,
    ) -> np.ndarray:
        """Embeds texts: what the encoder makes of them, before the classification head.

        Args and errors are those of `predict_iter`.

        Returns:
          The encoder's pooled output, float32 [n, hidden].
        """
        columns = self._columns(texts, text_pairs, batch_size)
        answers = self._answers("embed", columns, batch_size)
        rows = [outputs["embedding"] for outputs in answers]
        return np.concatenate(rows) if rows else np.zeros((0, 0), np.float32)

    def tokenize(
        self,
        texts: Iterable[str],
        text_pairs: Iterable[str] | None = None,
        batch_size: int = 32,
    ) -> list[list[str]]:
        """Returns the tokens that the model sees of each text, [CLS] and [SEP] among them.

        Args and errors are those of `predict_iter`.
        """
        columns = self._columns(texts, text_pairs, batch_size)
        answers = self._answers("tokenize", columns, batch_size)
        return [
            [token.decode("utf-8", "replace") for token in row if token]
            for outputs in answers
            for row in outputs["tokens"]
        ]

    def _columns(
        self, texts: Iterable[str], text_pairs: Iterable[str] | None, batch_size: int
    ) -> dict[str, Iterable[str]]:
        """Returns the inputs by name, once they suit the model."""
        if batch_size < 1:
            raise UserError(f"batch_size must be at least 1, got {batch_size}")
        if self.text_pair and text_pairs is None:
            raise UserError("the model takes two texts: give text_pairs, the second ones")
        if not self.text_pair and text_pairs is not None:
            raise UserError("the model takes one text: leave out text_pairs")
        columns = (
            {"text": texts} if text_pairs is None else {"text": texts, "text_pair": text_pairs}
        )
        for name, column in columns.items():
            if isinstance(column, str | bytes):
                raise UserError(
                    f"expected an iterable of strings as {name}, got one: {column!r:.80}"
                )
        return columns

    def _answers(
        self, signature: str, columns: dict[str, Iterable[str]], batch_size: int
    ) -> Iterator[Arrays]:
        def answer(rows: list[tuple[bytes, ...]]) -> Arrays:
            values = zip(columns, zip(*rows, strict=True), strict=True)
            return self._call(signature, {name: np.array(texts, object) for name, texts in values})

        with futures.ThreadPoolExecutor(self._threads) as pool:
            for batch in row_batches(_encoded_rows(columns), batch_size, self.max_length):
                parts = batch_parts(batch, self._threads, self.max_length)
                yield from (map if len(parts) == 1 else pool.map)(answer, parts)

    def _predictions(self, outputs: dict[str, np.ndarray]) -> Iterator[Prediction]:
        if self.task == "regression":
            for value in outputs["value"].tolist():
                yield Prediction(value=value)
            return
        if "labels" in outputs:
            for labels, row in zip(
                outputs["labels"].tolist(), outputs["probabilities"].tolist(), strict=True
            ):
                yield top_prediction([label.decode() for label in labels], row)
            return
        names = ("label", "score", "probabilities")
        rows = zip(*(outputs[name].tolist() for name in names), strict=True)
        selected = outputs.get("selected", itertools.repeat(None))
        for (label, score, row), chosen, path in zip(rows, selected, _paths(outputs), strict=False):
            yield Prediction(
                label.decode(),
                score,
                dict(zip(self.labels, row, strict=True)),
                labels=None if chosen is None else tuple(itertools.compress(self.labels, chosen)),
                path=path,
            )

    @classmethod
    def _load_run(cls, folder: pathlib.Path, task: str | None) -> "Classifier":
        import tensorflow as tf

        from keras_bert_cls.export.signatures import serving_signatures
        from keras_bert_cls.modeling.trained_model import TrainedModel

        trained = TrainedModel.load(folder)
        trained.require_head()
        _refuse_masked_lm(trained.settings.task, folder)
        trained = trained.of_task(task)
        signatures = serving_signatures(trained)

        def call(signature, inputs):
            strings = (tf.constant(values, tf.string) for values in inputs.values())
            outputs = signatures[signature](*strings)
            return {name: value.numpy() for name, value in outputs.items()}

        settings = trained.settings
        structure = settings.label_structure
        return cls(
            call,
            settings.task,
            settings.labels,
            settings.text_pair,
            settings.max_length,
            structure,
        )

    @classmethod
    def _load_export(
        cls, folder: pathlib.Path, task: str | None, intra_op_threads: int
    ) -> "Classifier":
        from keras_bert_cls.export.model_card import read_model_card
        from keras_bert_cls.export.session import SavedModelSession

        card = read_model_card(folder)
        _refuse_masked_lm(card["task"], folder)
        tasks = card.get("tasks", {})
        require_task(task, list(tasks))
        session = SavedModelSession(folder, intra_op_threads)

        def call(signature, inputs):
            name = task_signature(task, signature)
            if task is None or name in session.signatures:
                return session.call(name, inputs)
            first = next(iter(tasks))
            if task != first:
                raise UserError(
                    f"{folder} has the signature {signature} of its first task only, {first}. Load "
                    "the run, or that task."
                )
            return session.call(signature, inputs)

        own = tasks[task] if task else card
        structure = LabelStructure(**own.get("label_structure", {}))
        return cls(call, own["task"], own["labels"], own["text_pair"], own["max_length"], structure)


def _parts_at_once() -> int:
    """Returns how many parts of a batch run at the same time; a GPU takes a batch whole."""
    import tensorflow as tf

    return 1 if tf.config.list_physical_devices("GPU") else usable_cpus()


def _paths(outputs: Arrays) -> Iterable[dict[str, float] | None]:
    """Returns each row's path; None for each row of a model whose labels are no paths."""
    if "path_labels" not in outputs:
        return itertools.repeat(None)
    rows = zip(outputs["path_labels"].tolist(), outputs["path_scores"].tolist(), strict=True)
    return (path_of(names, scores) for names, scores in rows)


def _refuse_masked_lm(task: str, folder: pathlib.Path) -> None:
    if task == "masked_lm":
        raise UserError(
            f"{folder} is a masked language model, which has no labels. Fine-tune it with "
            "bertcls-finetune, or load it as MaskedLM."
        )
    if task == "seq2seq":
        raise UserError(
            f"{folder} is a sequence-to-sequence model, which has no labels: load it as "
            "keras_bert_cls.transducer.Transducer, or use bertcls-transduce."
        )


def _encoded_rows(columns: dict[str, Iterable[str]]) -> Iterator[tuple[bytes, ...]]:
    """Yields a row of UTF-8 strings a time from columns, which must be equally long."""
    for number, row in enumerate(itertools.zip_longest(*columns.values(), fillvalue=_NO_ROW)):
        yield tuple(_encoded(text, name, number) for name, text in zip(columns, row, strict=True))


def _encoded(text: object, name: str, number: int) -> bytes:
    if text is _NO_ROW:
        raise UserError(f"expected as many texts as second texts, but {name} ends after {number}")
    return encode_text(text, name, number)
