"""The search space of a sweep: which fields take which values. Imports no TensorFlow."""

import dataclasses
import math
import pathlib
import runpy
import tomllib
from collections.abc import Mapping
from typing import Any

from keras_bert_cls.errors import UserError, closest


@dataclasses.dataclass(frozen=True)
class Choices:
    """One of some values.

    Attributes:
      values: at least one; what the field may hold.
    """

    values: tuple[Any, ...]

    def problems(self) -> list[str]:
        """Returns what is wrong, a sentence each; empty if all is well."""
        if not isinstance(self.values, tuple | list) or not self.values:
            return [f"choices must be a tuple of values, got {self.values!r}"]
        if len({repr(value) for value in self.values}) < len(self.values):
            return [f"choices has a value twice: {self.values!r}"]
        return ["choices may not hold None"] if None in self.values else []

    def samples(self) -> tuple[Any, ...]:
        """Returns the values that a field must be able to take."""
        return tuple(self.values)


@dataclasses.dataclass(frozen=True)
class _Range:
    low: float
    high: float

    def problems(self) -> list[str]:
        """Returns what is wrong, a sentence each; empty if all is well."""
        for value in (self.low, self.high):
            if isinstance(value, bool) or not isinstance(value, int | float):
                return [f"low and high must be numbers, got {value!r}"]
            if not math.isfinite(value):
                return [f"low and high must be finite, got {value!r}"]
        return [] if self.low < self.high else [f"low {self.low} must be below high {self.high}"]

    def samples(self) -> tuple[Any, ...]:
        """Returns the values that a field must be able to take."""
        return (self.low, self.high)


class Uniform(_Range):
    """A number from `low` to `high`."""


class LogUniform(_Range):
    """A number from `low`, over 0, to `high`; each factor of growth is as likely as another."""

    def problems(self) -> list[str]:
        """Returns what is wrong, a sentence each; empty if all is well."""
        found = super().problems()
        return found or ([] if self.low > 0 else [f"low must be over 0, got {self.low}"])


class Integers(_Range):
    """A whole number from `low` to `high`, both included."""

    def problems(self) -> list[str]:
        """Returns what is wrong, a sentence each; empty if all is well."""
        found = super().problems()
        whole = isinstance(self.low, int) and isinstance(self.high, int)
        return found or ([] if whole else ["low and high must be whole numbers"])


Domain = Choices | Uniform | LogUniform | Integers
Space = Mapping[str, Domain]

_TOML_KINDS = {
    "choices": Choices,
    "uniform": Uniform,
    "loguniform": LogUniform,
    "integers": Integers,
}


def load_space(path: str) -> dict[str, Domain]:
    """Reads a search space.

    Args:
      path: Python with get_space() -> {"optimizer.learning_rate": LogUniform(1e-5, 1e-3), …}; or
        TOML with `[optimizer]` and `learning_rate = {loguniform = [1e-5, 1e-3]}`.

    Raises:
      UserError: the file is missing or fails, or holds no space, or one that is wrong by itself.
    """
    if not pathlib.Path(path).is_file():
        raise UserError(f"--space: there is no file {path}; expected Python or TOML")
    readers = {".toml": _from_toml, ".py": _from_python}
    if (suffix := pathlib.Path(path).suffix) not in readers:
        raise UserError(f"--space: expected a .toml or a .py file, got {path}")
    space = readers[suffix](path)
    if not space:
        raise UserError(f"{path}: the search space is empty: expected at least one field")
    problems = [f"{field}: {p}" for field, domain in space.items() for p in domain.problems()]
    if problems:
        raise UserError(
            f"{path}: the search space is wrong:\n" + "\n".join(f"  {p}" for p in problems)
        )
    return space


def _from_python(path: str) -> dict[str, Domain]:
    try:
        get_space = runpy.run_path(path, run_name="space").get("get_space")
        space = get_space() if callable(get_space) else None
    except Exception as error:  # Whatever goes wrong in the user's own code.
        raise UserError(f"{path}: {type(error).__name__}: {error}") from error
    if not isinstance(space, dict):
        raise UserError(f"{path}: expected a function get_space() that returns a dict")
    for field, domain in space.items():
        if not isinstance(domain, Domain):
            kinds = ", ".join(kind.__name__ for kind in _TOML_KINDS.values())
            raise UserError(f"{path}: {field} must be one of {kinds}, got {domain!r}")
    return space


def _from_toml(path: str) -> dict[str, Domain]:
    try:
        content = tomllib.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: broken TOML: {error}") from error
    return dict(_domains(path, content, ""))


def _domains(path: str, content: dict[str, Any], prefix: str):
    for name, value in content.items():
        field = prefix + name
        if not isinstance(value, dict):
            expected = " or ".join(f"{{{kind} = […]}}" for kind in _TOML_KINDS)
            raise UserError(f"{path}: {field} must be {expected}, got {value!r}")
        if len(value) == 1 and isinstance(next(iter(value.values())), list):
            yield field, _domain(path, field, *next(iter(value.items())))
        else:
            yield from _domains(path, value, f"{field}.")


def _domain(path: str, field: str, kind: str, values: list) -> Domain:
    if kind not in _TOML_KINDS:
        raise UserError(f"{path}: {field} has no kind {kind!r}.{closest(kind, _TOML_KINDS)}")
    if kind == "choices":
        return Choices(tuple(_tuples(value) for value in values))
    if len(values) != 2:
        raise UserError(f"{path}: {field}: {kind} needs [low, high], got {values!r}")
    return _TOML_KINDS[kind](*values)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
