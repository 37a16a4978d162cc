"""The errors that a user can cause and mend."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """What the user gave is wrong: data, configuration, paths, requests.

    The message says what was expected, what was received, where (file:line or field), and what to
    do. Programs print it without a traceback and exit with `exit_code`.
    """

    exit_code = 1


def closest(word: str, known: Iterable[str]) -> str:
    """Returns " Did you mean 'x'?" for the known word nearest to `word`, or ""."""
    matches = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {matches[0]!r}?" if matches else ""
