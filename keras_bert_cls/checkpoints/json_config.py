"""Fields of a JSON config of another library, checked as they are read."""

import json
import os
import pathlib
from typing import Any

from keras_bert_cls.errors import UserError


class JsonConfig:
    """A JSON object in a file.

    Args:
      path: the file, for messages too.
      content: the object; by default the file is read.

    Raises:
      UserError: the file can't be read, or holds no JSON object.
    """

    def __init__(self, path: str | os.PathLike, content: object = None):
        self.path = pathlib.Path(path)
        content = _read(self.path) if content is None else content
        if not isinstance(content, dict):
            raise UserError(f"{path}: expected a JSON object, got {content!r:.60}")
        self.content: dict[str, Any] = content

    def __contains__(self, name: str) -> bool:
        return self.content.get(name) is not None

    def get(self, name: str, kind: type, default: Any = None) -> Any:
        """Returns a field, or `default` where there is none or null.

        Raises:
          UserError: it is no `kind`.
        """
        value = self.content.get(name)
        if value is None:
            return default
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is not kind:
            raise UserError(f"{self.path}: {name} must be {kind.__name__}, got {value!r:.60}")
        return value

    def required(self, name: str, kind: type) -> Any:
        """Returns a field that must be there."""
        if name not in self:
            raise UserError(f"{self.path}: the field {name} is missing")
        return self.get(name, kind)

    def nested(self, name: str) -> "JsonConfig":
        """Returns a field that is a JSON object."""
        return JsonConfig(self.path, self.required(name, dict))


def _read(path: pathlib.Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path}: expected JSON: {error}") from error
