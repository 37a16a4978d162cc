"""JSON as TensorFlow Serving's parser reads it and its writer writes it."""

import json
import re
from typing import Any

import numpy as np

from keras_bert_cls.server.status_errors import ServingError, invalid_argument

# Python's words for what is wrong -> the words of TensorFlow Serving's parser (RapidJSON).
_MESSAGES = {
    "Expecting value": "Invalid value.",
    "Expecting ',' delimiter": "Missing a comma or } after an object member.",
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Expecting property name enclosed in double quotes": "Missing a name for object member.",
    "Illegal trailing comma before end of object": "Missing a name for object member.",
    "Extra data": "The document root must not be followed by other values.",
    "Unterminated string starting at": "Missing a closing quotation mark in string.",
    "Invalid \\escape": "Invalid escape character in string.",
    "Invalid control character at": "Invalid encoding in string.",
}
_MAX_DEPTH = 100  # A tensor has at most 64 dimensions here.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_SHOWN_CHARACTERS = 1024


def parse_object(body: bytes) -> dict[str, Any]:
    """Parses a request's body, which must be an object. Strings: see `bytes_of`.

    Raises:
      ServingError: it is no JSON, nested too deeply, or no object.
    """
    if not body:
        raise _parse_error("The document is empty")
    # Python's parser calls itself for every level, up to its limit: whatever happens to run there,
    # such as the destructor of some object of gRPC's, fails as well.
    if _depth(body) > _MAX_DEPTH:
        raise _parse_error("The document is nested too deeply.")
    try:
        # Bytes that are no UTF-8 come through unchanged, as in TensorFlow Serving.
        document = json.loads(body.decode("utf-8", "surrogateescape").removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        message = _MESSAGES.get(error.msg, "Invalid value.")
        raise _parse_error(f"{message} at offset: {error.pos}") from error
    except ValueError as error:  # an integer of thousands of digits
        raise _parse_error("Number too big to be stored in double.") from error
    if not isinstance(document, dict):
        raise invalid_argument(f"JSON Value: {show(document)} Is not object")
    return document


def bytes_of(text: str) -> bytes:
    """Returns the bytes of a string of a parsed document; raises ServingError if it has none."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise _parse_error("The surrogate pair in string is invalid.") from error


def show(value: Any) -> str:
    """Returns a value as it stands in an error message, cut where messages are cut."""
    shown = ""
    for piece in json.JSONEncoder(ensure_ascii=False, indent=4).iterencode(value):
        shown += piece[:_SHOWN_CHARACTERS]
        if len(shown) > _SHOWN_CHARACTERS:
            break
    return shown.encode("utf-8", "replace").decode("utf-8")


def number_of(value: int | float) -> int | float:
    """Returns a number of a parsed document: what fits no 64 bits is a decimal to the parser.

    Raises:
      ServingError: it does not fit a double either.
    """
    if isinstance(value, float) or -(2**63) <= value < 2**64:
        return value
    try:
        return float(value)
    except OverflowError:
        raise _parse_error("Number too big to be stored in double.") from None


def type_name(value: Any) -> str:
    """Returns the parser's name for the type of a value."""
    match value:
        case None:
            return "Null"
        case True:
            return "True"
        case False:
            return "False"
        case dict():
            return "Object"
        case list():
            return "Array"
        case str():
            return "String"
    return "Number"


def write_string(value: bytes) -> str:
    """Returns a JSON string; bytes that are no UTF-8 become U+FFFD."""
    return json.dumps(value.decode("utf-8", "replace"), ensure_ascii=False)


def write_decimal(value: np.floating) -> str:
    """Returns a number with as many digits as it takes to read the same one back."""
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    text = f"{value:.6g}"
    if type(value)(text) != value:
        text = f"{value:.9g}" if value.dtype == np.float32 else f"{value:.17g}"
    # Without the point, a list of numbers could seem to hold integers among decimals.
    return text if "." in text or "e" in text else f"{text}.0"


def _depth(body: bytes) -> int:
    """Returns how deep lists and objects are nested."""
    if body.count(b"[") + body.count(b"{") <= _MAX_DEPTH:
        return 0  # Not many, whatever they are in.
    brackets = np.frombuffer(_STRING.sub(b"", body).translate(None, _NO_BRACKETS), np.uint8)
    opens = (brackets == ord("[")) | (brackets == ord("{"))
    return int(np.cumsum(np.where(opens, 1, -1)).max(initial=0))


def _parse_error(message: str) -> ServingError:
    return invalid_argument(f"JSON Parse error: {message}")
