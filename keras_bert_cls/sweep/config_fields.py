"""Fields of a config by their dotted names, as the command line has them. Imports no TensorFlow."""

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

from keras_bert_cls.errors import UserError, closest
from keras_bert_cls.sweep.space import Space
from keras_bert_cls.training.config import FinetuneConfig
from keras_bert_cls.training.config_check import check_config

_FIXED = ("train.metric", "data.task", "data.dev_files")
"""What scores are compared by: it is the same for all trials."""


def field_values(config: Any, prefix: str = "") -> dict[str, Any]:
    """Returns all fields with values: {"optimizer.learning_rate": 1e-4, …}."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value, name = getattr(config, field.name), prefix + field.name
        if dataclasses.is_dataclass(value):
            values |= field_values(value, f"{name}.")
        else:
            values[name] = value
    return values


def with_values(config: FinetuneConfig, values: Mapping[str, Any]) -> FinetuneConfig:
    """Returns a copy of the config in which some fields have other values."""
    changed = copy.deepcopy(config)
    for name, value in values.items():
        *groups, field = name.split(".")
        part: Any = changed
        for group in groups:
            part = getattr(part, group)
        setattr(part, field, value)
    return changed


def changed_values(before: FinetuneConfig, after: FinetuneConfig) -> dict[str, Any]:
    """Returns the fields in which `after` differs from `before`, with their values in `after`."""
    old = field_values(before)
    return {
        name: value
        for name, value in field_values(after).items()
        if (value, type(value)) != (old[name], type(old[name]))
    }


def as_flags(values: Mapping[str, Any]) -> list[str]:
    """Returns --config.FIELD=VALUE for each field."""
    return [f"--config.{name}={_flag_value(value)}" for name, value in values.items()]


def check_space(space: Space, config: FinetuneConfig, seeds: int) -> None:
    """Checks the fields of a space and their values, as a run would check its config.

    Args:
      space: from `load_space`.
      config: that the space changes; right by itself.
      seeds: how many runs with seeds of their own a trial makes.

    Raises:
      UserError: a field is not there, is one that no trial may change, or can't take a value.
    """
    known = field_values(config)
    for name in space:
        if name not in known:
            raise UserError(
                f"the search space names no field of the config: {name!r}.{_hint(name, known)}"
            )
        if name in _FIXED or (name == "seed" and seeds > 1):
            raise UserError(f"the search space must not hold {name}: trials are compared by it")
    problems = [problem for name in space for problem in _value_problems(space, name, config)]
    if problems:
        raise UserError("the search space is wrong:\n" + "\n".join(problems))


def _value_problems(space: Space, name: str, config: FinetuneConfig) -> list[str]:
    found = []
    for value in space[name].samples():
        try:
            check_config(with_values(config, {name: value}))
        except UserError as error:
            details = str(error).partition("\n")[2] or str(error)
            found.append(f"  with {name}={value!r}:\n{details}")
    return found


def _hint(name: str, known: Mapping[str, Any]) -> str:
    fields = [field for field in known if field.startswith(f"{name}.")]
    return (
        f" It is a group; its fields are {', '.join(fields)}." if fields else closest(name, known)
    )


def _flag_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else repr(value)
