"""Run configs as JSON, as config.json of a run has them. Imports no TensorFlow."""

import dataclasses
import json
import typing
from typing import Any

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.run_config import RunConfig

_KINDS: dict[str, type] = {kind.__name__: kind for kind in typing.get_args(RunConfig)}


def config_to_json(config: RunConfig) -> str:
    """Returns the config as JSON, to be read by people and compared with."""
    content: dict[str, Any] = {"kind": type(config).__name__, **dataclasses.asdict(config)}
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def config_from_json(text: str) -> RunConfig:
    """Returns what `config_to_json` was given; what it does not name has its default.

    Raises:
      UserError: it is no config, or has a field that this version does not know.
    """
    try:
        content = json.loads(text)
        kind = _KINDS[content.pop("kind")]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise UserError(f"expected the JSON of a run's config, got {text!r:.80}") from error
    return typing.cast(RunConfig, _from_content(kind, content, "config"))


def with_defaults(text: str) -> str:
    """Returns a config's JSON with every field; fields that an older version did not know have
    their defaults. What is no config is returned as it is.
    """
    try:
        return config_to_json(config_from_json(text))
    except UserError:
        return text


def config_differences(there: str, wanted: str) -> list[str]:
    """Returns the fields in which two configs, as JSON, differ, a line each."""
    try:
        old = _flat(json.loads(there))
    except (ValueError, AttributeError):
        return ["config.json is no config"]
    new = _flat(json.loads(wanted))
    return [
        f"{name}: there {old.get(name, 'no such field')}, given {new.get(name, 'no such field')}"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    ]


def _from_content(kind: type, content: Any, name: str) -> Any:
    if not isinstance(content, dict):
        raise UserError(f"{name} must be an object with fields, got {content!r:.80}")
    hints = typing.get_type_hints(kind)
    values = {}
    for field, value in content.items():
        if field not in hints:
            raise UserError(f"{name}.{field} is no field that this version of keras_bert_cls knows")
        values[field] = _value(hints[field], value, f"{name}.{field}")
    return kind(**values)


def _value(hint: Any, value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return _from_content(typing.cast(type, hint), value, name)
    items = typing.get_args(hint)
    if items and dataclasses.is_dataclass(items[0]) and isinstance(value, list):
        return tuple(_value(items[0], item, f"{name}[{i}]") for i, item in enumerate(value))
    return _tuples(value)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _flat(content: dict[str, Any], prefix: str = "--config") -> dict[str, str]:
    """Returns the JSON of every leaf by its name as the command line has it."""
    flat: dict[str, str] = {}
    for name, value in content.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}.{name}")
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            for number, item in enumerate(value):
                flat |= _flat(item, f"{prefix}.{name}[{number}]")
        else:
            flat[f"{prefix}.{name}"] = json.dumps(value, ensure_ascii=False)
    return flat
