"""assets.extra/model_card.json: what a model is, for people and for programs that load it."""

import dataclasses
import datetime
import hashlib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keras_bert_cls.errors import UserError

if TYPE_CHECKING:  # Who reads a card need not wait for Keras to load.
    from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel

CARD_FILE = pathlib.PurePath("assets.extra") / "model_card.json"
CARD_FORMAT = 1


def build_model_card(trained: "TrainedModel", training: Mapping[str, Any] | None) -> dict[str, Any]:
    """Describes a model.

    Args:
      trained: the model.
      training: what the caller knows of its making, such as the config's digest and metrics; goes
        under "training" as it is.

    Raises:
      UserError: `training` does not fit into JSON.
    """
    settings = trained.settings
    tokens = "\n".join(trained.tokenizer.vocabulary.tokens).encode("utf-8", "surrogatepass")
    tasks = {name: _what_it_does(task) for name, task in settings.tasks.items()}
    card = {
        "format": CARD_FORMAT,
        **_what_it_does(settings),
        **({"tasks": tasks} if tasks else {}),
        "tokenizer": {
            "lowercase": trained.tokenizer.lowercase,
            "strip_accents": trained.tokenizer.strip_accents,
            "vocabulary_size": len(trained.tokenizer.vocabulary),
            "vocabulary_sha256": hashlib.sha256(tokens).hexdigest(),
        },
        "parameters": trained.model.count_params(),
        **({"decision": trained.decision.to_json()} if trained.decision else {}),
        "training": dict(training or {}),
        "versions": _versions(),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    try:
        json.dumps(card, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UserError(
            "model_card must hold what JSON can: strings, finite numbers, booleans, None, lists "
            f"and dicts of these with string keys. {error}"
        ) from error
    return card


def _what_it_does(settings: "ModelSettings") -> dict[str, Any]:
    return {
        "task": settings.task,
        "labels": list(settings.labels),
        "text_pair": settings.text_pair,
        "head": settings.head,
        "label_structure": dataclasses.asdict(settings.label_structure),
        "max_length": settings.max_length,
    }


def write_model_card(folder: pathlib.Path, card: Mapping[str, Any]) -> None:
    """Writes the card into the SavedModel `folder`."""
    path = folder / CARD_FILE
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(card, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read_model_card(folder: str | os.PathLike) -> dict[str, Any]:
    """Reads the card of the SavedModel `folder`.

    Raises:
      UserError: there is none, or a newer release of this package wrote it.
    """
    path = pathlib.Path(folder) / CARD_FILE
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{folder} was not exported by bertcls-export: {CARD_FILE} is missing."
        ) from None
    except ValueError as error:
        raise UserError(f"{path} is broken: {error}. Export the model again.") from error
    if not isinstance(card, dict) or card.get("format") != CARD_FORMAT:
        raise UserError(
            f"{path} has format {card.get('format') if isinstance(card, dict) else None!r}, this "
            f"release reads format {CARD_FORMAT}. Use the release that exported the model."
        )
    return card


def card_number(folder: str | os.PathLike, field: str, otherwise: int) -> int:
    """Returns a number from the card of `folder`, or `otherwise` if the export brings none."""
    try:
        return int(read_model_card(folder)[field])
    except (UserError, KeyError, TypeError, ValueError):
        return otherwise


def _versions() -> dict[str, str]:
    import keras
    import tensorflow
    import tensorflow_text

    import keras_bert_cls

    packages = (keras_bert_cls, keras, tensorflow, tensorflow_text)
    return {package.__name__: package.__version__ for package in packages}
