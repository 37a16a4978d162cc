"""Classifier: labels, scores and values for texts, from a finished run or from an export."""

import itertools
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from keras_bert_cls.errors import UserError
from keras_bert_cls.predictions import Prediction

_RUN_FILE = "model.keras"
_EXPORT_FILE = "saved_model.pb"
_NO_ROW = object()

# Input name -> string [n] to output name -> array [n, ...], as the signature serving_default.
Answer = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


class Classifier:
    """Predicts with a classification or regression model. Made by `Classifier.load`.

    A run and its export give the same numbers to 1e-5. Calls are thread-safe.

    Attributes:
      task: "single_label", "multi_label" or "regression".
      labels: the labels in the model's order; empty for regression.
      text_pair: whether the model takes two texts.
    """

    def __init__(self, answer: Answer, task: str, labels: Sequence[str], text_pair: bool):
        self.task = task
        self.labels = tuple(labels)
        self.text_pair = text_pair
        self._answer = answer

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Classifier":
        """Loads a model.

        Args:
          path: the --workdir of a finished run, the --output of bertcls-export (the newest version
            is taken), or one version in it.

        Raises:
          UserError: there is no model at `path`, or it is a masked language model.
        """
        folder = pathlib.Path(path)
        if (folder / _RUN_FILE).is_file():
            return cls._load_run(folder)
        version = _find_version(folder)
        if version is None:
            raise UserError(
                f"{folder} holds no model. Expected the --workdir of a finished run (with "
                f"{_RUN_FILE}), or an export: a folder with numbered versions, or one version "
                f"(with {_EXPORT_FILE})."
            )
        return cls._load_export(version)

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
          batch_size: texts that run at once.

        Returns:
          An iterator over the predictions, in the order of the texts.

        Raises:
          UserError: the model takes pairs and there are none or the other way round, there are more
            texts than second texts or the other way round, or one is not a string.
        """
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
        return self._predict_batches(columns, batch_size)

    def _predict_batches(
        self, columns: dict[str, Iterable[str]], batch_size: int
    ) -> Iterator[Prediction]:
        rows = _encoded_rows(columns)
        while batch := list(itertools.islice(rows, batch_size)):
            inputs = {
                name: np.array(values, object)
                for name, values in zip(columns, zip(*batch, strict=True), strict=True)
            }
            yield from self._predictions(self._answer(inputs))

    def _predictions(self, outputs: dict[str, np.ndarray]) -> Iterator[Prediction]:
        if self.task == "regression":
            for value in outputs["value"].tolist():
                yield Prediction(value=value)
            return
        names = ("label", "score", "probabilities")
        for label, score, row in zip(*(outputs[name].tolist() for name in names), strict=True):
            yield Prediction(label.decode(), score, dict(zip(self.labels, row, strict=True)))

    @classmethod
    def _load_run(cls, folder: pathlib.Path) -> "Classifier":
        import tensorflow as tf

        from keras_bert_cls.export.signatures import serving_signatures
        from keras_bert_cls.modeling.trained_model import TrainedModel

        trained = TrainedModel.load(folder)
        trained.require_head()
        _refuse_masked_lm(trained.settings.task, folder)
        signature = serving_signatures(trained)["serving_default"]

        def answer(inputs):
            outputs = signature(*(tf.constant(values, tf.string) for values in inputs.values()))
            return {name: value.numpy() for name, value in outputs.items()}

        settings = trained.settings
        return cls(answer, settings.task, settings.labels, settings.text_pair)

    @classmethod
    def _load_export(cls, folder: pathlib.Path) -> "Classifier":
        from keras_bert_cls.export.model_card import read_model_card
        from keras_bert_cls.export.session import SavedModelSession

        card = read_model_card(folder)
        _refuse_masked_lm(card["task"], folder)
        session = SavedModelSession(folder)

        def answer(inputs):
            return session.call("serving_default", inputs)

        return cls(answer, card["task"], card["labels"], card["text_pair"])


def _find_version(folder: pathlib.Path) -> pathlib.Path | None:
    """Returns the SavedModel that `folder` is, or the newest that it holds."""
    from keras_bert_cls.export.versions import list_versions

    candidates = [folder, *reversed(list_versions(folder).values())]
    return next((path for path in candidates if (path / _EXPORT_FILE).is_file()), None)


def _refuse_masked_lm(task: str, folder: pathlib.Path) -> None:
    if task == "masked_lm":
        raise UserError(
            f"{folder} is a masked language model, which has no labels. Fine-tune it with "
            "bertcls-finetune, or export it and call its signature fill_mask."
        )


def _encoded_rows(columns: dict[str, Iterable[str]]) -> Iterator[tuple[bytes, ...]]:
    """Yields a row of UTF-8 strings a time from columns, which must be equally long."""
    for number, row in enumerate(itertools.zip_longest(*columns.values(), fillvalue=_NO_ROW)):
        yield tuple(_encoded(text, name, number) for name, text in zip(columns, row, strict=True))


def _encoded(text: object, name: str, number: int) -> bytes:
    if text is _NO_ROW:
        raise UserError(f"expected as many texts as second texts, but {name} ends after {number}")
    if not isinstance(text, str):
        raise UserError(
            f"{name} number {number} (from 0) must be a string, got {type(text).__name__} "
            f"{text!r:.80}"
        )
    # Half of a surrogate pair, which JSON can spell, becomes bytes that are no UTF-8; the tokenizer
    # takes these.
    return text.encode("utf-8", "surrogatepass")
