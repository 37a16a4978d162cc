"""What the launcher says for people and for programs."""

import json
import time
from typing import Any

from keras_bert_cls.launching.line_writer import LineWriter


class Journal:
    """Says what happens on the standard error, and writes it to a file as JSON, an object a line.

    Args:
      people: the standard error.
      programs: the file of JSON lines; None without one.
    """

    def __init__(self, people: LineWriter, programs: LineWriter | None):
        self._people = people
        self._programs = programs

    def say(self, text: str) -> None:
        """Writes to the standard error."""
        self._people.write(f"bertcls-launch: {line}" for line in text.splitlines())

    def record(self, event: str, **values: Any) -> None:
        """Writes {"time": seconds since 1970, "event": …, …} to the file."""
        if self._programs is not None:
            line = {"time": round(time.time(), 3), "event": event, **values}
            self._programs.write([json.dumps(line)])
