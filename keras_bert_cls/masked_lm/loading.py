"""A masked language model as functions of its signatures, from a run or from an export."""

import dataclasses
import os
import pathlib
from collections.abc import Callable

import numpy as np

from keras_bert_cls.errors import UserError
from keras_bert_cls.export.find_model import find_model

Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to answer; calls are thread-safe.

    Attributes:
      call: name of a signature, its inputs by name → its outputs by name.
      fill_mask: number of candidates, text string [n] → the outputs of the signature fill_mask.
      max_length: tokens that a text has at most, special tokens included.
    """

    call: Callable[[str, Arrays], Arrays]
    fill_mask: Callable[[int, np.ndarray], Arrays]
    max_length: int


def load_masked_lm(path: str | os.PathLike) -> LoadedModel:
    """Loads a model.

    Args:
      path: the --workdir of a finished run, an export, or one version of it.

    Raises:
      UserError: there is no model at `path`, or it is no masked language model.
    """
    folder, is_run = find_model(path)
    return _load_run(folder) if is_run else _load_export(folder)


def _load_run(folder: pathlib.Path) -> LoadedModel:
    import tensorflow as tf

    from keras_bert_cls.export.fill_mask_signatures import TOP_TOKENS, fill_mask_signature
    from keras_bert_cls.export.signatures import serving_signatures
    from keras_bert_cls.modeling.trained_model import TrainedModel

    trained = TrainedModel.load(folder)
    _require_masked_lm(trained.settings.task, folder)
    signatures = serving_signatures(trained)
    fillers = {TOP_TOKENS: signatures["fill_mask"]}

    def run(function, inputs: Arrays) -> Arrays:
        tensors = (tf.constant(inputs[spec.name], spec.dtype) for spec in function.input_signature)
        return {name: value.numpy() for name, value in function(*tensors).items()}

    def fill_mask(candidates: int, texts: np.ndarray) -> Arrays:
        if candidates not in fillers:
            fillers[candidates] = fill_mask_signature(trained, 8, candidates)
        return run(fillers[candidates], {"text": texts})

    def call(signature: str, inputs: Arrays) -> Arrays:
        return run(signatures[signature], inputs)

    return LoadedModel(call, fill_mask, trained.settings.max_length)


def _load_export(folder: pathlib.Path) -> LoadedModel:
    from keras_bert_cls.export.fill_mask_signatures import TOP_TOKENS
    from keras_bert_cls.export.model_card import read_model_card
    from keras_bert_cls.export.session import SavedModelSession

    card = read_model_card(folder)
    _require_masked_lm(card["task"], folder)
    session = SavedModelSession(folder)

    def call(signature: str, inputs: Arrays) -> Arrays:
        if signature not in session.signatures:
            raise UserError(
                f"{folder} has no signature {signature}: an older release of this package wrote "
                "it. Export the model again."
            )
        return session.call(signature, inputs)

    def fill_mask(candidates: int, texts: np.ndarray) -> Arrays:
        if candidates > TOP_TOKENS:
            raise UserError(
                f"an export gives {TOP_TOKENS} candidates for a [MASK], {candidates} are asked "
                "for. Load the run instead, which gives any number."
            )
        return call("fill_mask", {"text": texts})

    return LoadedModel(call, fill_mask, card["max_length"])


def _require_masked_lm(task: str, folder: pathlib.Path) -> None:
    if task != "masked_lm":
        raise UserError(
            f"{folder} is no masked language model but one for {task}. Expected a run of "
            "bertcls-pretrain, a checkpoint with its language-model head, or an export of these."
        )
