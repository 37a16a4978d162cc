"""The other end of `benchmarks.contender`. Needs nothing but Python: it runs in any environment."""

import json
import os
import sys
from collections.abc import Callable, Mapping


def answer_requests(actions: Mapping[str, Callable[..., object]]) -> None:
    """Answers the requests on standard input until it ends.

    What the actions print goes to standard error, so that libraries cannot disturb the answers.

    Args:
      actions: by name; each takes the request's arguments and returns what JSON can hold.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        result = actions[request.pop("action")](**request)
        answers.write(json.dumps(result) + "\n")
        answers.flush()
