"""Transducer: texts for texts, from a finished sequence-to-sequence run or from an export of it."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from keras_bert_cls.errors import UserError
from keras_bert_cls.export.find_model import find_model
from keras_bert_cls.predictions import WrittenText
from keras_bert_cls.text.utf8 import encoded_batches

_TASK = "seq2seq"

Call = Callable[[np.ndarray], dict[str, np.ndarray]]


class Transducer:
    """Writes a text for a text. Made by `Transducer.load`.

    A run and its export give the same texts. Calls are thread-safe.
    """

    def __init__(self, call: Call):
        self._call = call

    @classmethod
    def load(cls, path: str | os.PathLike, **generation: Any) -> "Transducer":
        """Loads a model.

        Args:
          path: the --workdir of a finished run of bertcls-seq2seq, the --output of bertcls-export
            (the newest version is taken), or one version in it.
          **generation: fields of GenerationConfig to be other than in the run; an export's are
            fixed.

        Raises:
          UserError: there is no such model at `path`, or it cannot do what `generation` says.
        """
        folder, is_run = find_model(path)
        if is_run:
            return cls._load_run(folder, generation)
        if generation:
            raise UserError(
                f"{folder} is an export, in which {', '.join(generation)} is fixed: give the run, "
                "or export it again with another generation.json"
            )
        return cls._load_export(folder)

    def write(self, texts: Iterable[str], batch_size: int = 32) -> list[WrittenText]:
        """Writes for texts; see `write_iter`, which does not keep all of them in memory."""
        return list(self.write_iter(texts, batch_size))

    def write_iter(self, texts: Iterable[str], batch_size: int = 32) -> Iterator[WrittenText]:
        """Writes for a stream of texts.

        Args:
          texts: read as the outputs are taken, a batch ahead of them.
          batch_size: texts that run at once.

        Returns:
          An iterator over the outputs, in the order of the texts.

        Raises:
          UserError: one is not a string, or `batch_size` is less than 1.
        """
        for batch in encoded_batches(texts, batch_size):
            outputs = self._call(batch)
            for text, score in zip(outputs["text"], outputs["score"].tolist(), strict=True):
                yield WrittenText(text.decode("utf-8", "replace"), score)

    @classmethod
    def _load_run(cls, folder: pathlib.Path, generation: dict[str, Any]) -> "Transducer":
        import tensorflow as tf

        from keras_bert_cls.export.signatures import serving_signatures
        from keras_bert_cls.modeling.trained_model import TrainedModel

        trained = TrainedModel.load(folder)
        _require_task(trained.settings.task, folder)
        if generation and trained.generation is not None:
            changed = trained.generation.changed(**generation)
            trained = dataclasses.replace(trained, generation=changed)
        generate = serving_signatures(trained)["generate"]

        def call(texts: np.ndarray) -> dict[str, np.ndarray]:
            outputs = generate(tf.constant(texts, tf.string))
            return {name: value.numpy() for name, value in outputs.items()}

        return cls(call)

    @classmethod
    def _load_export(cls, folder: pathlib.Path) -> "Transducer":
        from keras_bert_cls.export.model_card import read_model_card
        from keras_bert_cls.export.session import SavedModelSession

        _require_task(read_model_card(folder)["task"], folder)
        session = SavedModelSession(folder)
        return cls(lambda texts: session.call("generate", {"text": texts}))


def _require_task(task: str, folder: pathlib.Path) -> None:
    if task != _TASK:
        raise UserError(
            f"{folder} is a {task} model, which writes no texts: train one with bertcls-seq2seq"
        )
