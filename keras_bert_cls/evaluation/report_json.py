"""The report as JSON that is the same, byte for byte, whenever the numbers are."""

import json
import math
from typing import Any

_DIGITS = 6


def report_json(content: dict[str, Any]) -> str:
    """Returns the report as JSON text; floats have six significant digits."""
    return json.dumps(rounded(content), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def rounded(value: Any) -> Any:
    """Returns a value of JSON with all its floats rounded; None for what is no finite number."""
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value
