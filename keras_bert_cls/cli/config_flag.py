"""--config FILE and --config.FIELD=VALUE: a config from a Python file and the command line."""

import dataclasses
import pathlib
import re
import runpy
import traceback
import typing
from collections.abc import Sequence
from typing import Any

from absl import flags
from ml_collections import config_flags

from keras_bert_cls.errors import UserError, closest

_ITEM = re.compile(r"(\w+)\[(\d+)\]")
_WRONG_VALUE = re.compile(r"flag --config\.([^=]+)=(.*?): ", re.DOTALL)
_EXPECTED = {bool: "true or false", int: "an integer", float: "a number"}
_OVERRIDE = re.compile(r"--?(?:no)?config\.([^=]+)")


def split_config_file(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """Takes `--config FILE` or `--config=FILE`, the last one, out of the arguments.

    Returns:
      The file, None if there is none, and the other arguments.
    """
    path, rest = None, []
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, value = argument.partition("=")
        if name in ("--config", "-config"):
            path = value if equals else next(remaining, None)
        else:
            rest.append(argument)
    return path, rest


def override_config(config: Any, arguments: Sequence[str]) -> tuple[Any, list[str]]:
    """Applies `--config.FIELD=VALUE`.

    Args:
      config: a dataclass; stays as it is.
      arguments: of the command line, without the program's name and `--config FILE`.

    Returns:
      The config with the fields that are given, and the other arguments.

    Raises:
      UserError: there is no such field; names the closest one.
      flags.Error: a value is of the wrong type.
    """
    for argument in arguments:
        if match := _OVERRIDE.match(argument):
            _check_field(config, match[1])
    overrides = flags.FlagValues()
    argv = ["", *arguments]
    holder = config_flags.DEFINE_config_dataclass(
        "config", config, flag_values=overrides, sys_argv=argv
    )
    try:
        rest = overrides(argv, known_only=True)
    except flags.IllegalFlagValueError as error:
        raise _wrong_value(config, error) from error
    return holder.value, rest[1:]


def _wrong_value(config: Any, error: flags.IllegalFlagValueError) -> flags.Error:
    """Says what was expected where absl repeats what Python's int() or float() said."""
    match = _WRONG_VALUE.match(str(error))
    if match is None:
        return error
    *groups, field = match[1].split(".")
    part = config
    for group in groups:
        item = _ITEM.fullmatch(group)
        part = getattr(part, item[1])[int(item[2])] if item else getattr(part, group)
    kind = typing.get_type_hints(type(part)).get(field)
    kinds = [k for k in (typing.get_args(kind) or (kind,)) if k in _EXPECTED]
    if len(kinds) != 1:
        return error
    return flags.Error(f"--config.{match[1]}: expected {_EXPECTED[kinds[0]]}, got {match[2]!r}")


def load_config(path: str, kind: type) -> Any:
    """Runs a config file.

    Args:
      path: a Python file with get_config().
      kind: the dataclass that get_config() must return.

    Raises:
      UserError: the file is missing or fails, or returns something else.
    """
    if not pathlib.Path(path).is_file():
        raise UserError(f"--config: there is no file {path}; expected Python with get_config()")
    try:
        get_config = runpy.run_path(path, run_name="config").get("get_config")
        config = get_config() if callable(get_config) else None
    except Exception as error:  # Whatever goes wrong in the user's own code.
        message = f"{type(error).__name__}: {error}"
        raise UserError(f"{path}:{_line(error, path)}: {message}") from error
    if not callable(get_config):
        raise UserError(f"{path}: expected a function get_config() -> {kind.__name__}")
    if not isinstance(config, kind):
        raise UserError(
            f"{path}: expected get_config() to return a {kind.__name__}, "
            f"got a {type(config).__name__}"
        )
    return config


def _line(error: Exception, path: str) -> int:
    """Returns the line of the config file at which an error arose."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno or 0 for f in reversed(frames) if f.filename == path), 0)


def _check_field(config: Any, name: str) -> None:
    """Raises UserError if a dotted name is no field with a value."""
    part, parts = config, name.split(".")
    for depth, field in enumerate(parts):
        item = _ITEM.fullmatch(field)
        field = item[1] if item else field
        known = [f.name for f in dataclasses.fields(part)] if dataclasses.is_dataclass(part) else []
        group = ".".join(["--config", *parts[:depth]])
        if field not in known:
            hint = closest(field, known) or f" It has {', '.join(known) or 'no fields'}."
            raise UserError(f"--config.{name}: {group} has no field {field!r}.{hint}")
        part = getattr(part, field)
        if item:
            part = _item(part, int(item[2]), f"--config.{name}: {group}.{field}")
    if dataclasses.is_dataclass(part):
        fields = ", ".join(f"--config.{name}.{f.name}" for f in dataclasses.fields(part))
        raise UserError(f"--config.{name} is a group; its fields are {fields}")


def _item(items: Any, number: int, where: str) -> Any:
    if not isinstance(items, tuple | list) or number >= len(items):
        count = f"{len(items)} items" if isinstance(items, tuple | list) else "no items"
        raise UserError(f"{where} has {count}, which are counted from 0; there is no [{number}]")
    return items[number]
