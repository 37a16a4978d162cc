"""One JSON object as a line of a file."""

import json
import math
from collections.abc import Mapping
from typing import Any


def json_line(values: Mapping[str, Any]) -> str:
    """Returns a JSON object and the end of the line.

    JSON has no infinity and no NaN, which a gradient's norm can be at an overflow: null stands for
    both.
    """
    numbers = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }
    return json.dumps(numbers, ensure_ascii=False, allow_nan=False) + "\n"
