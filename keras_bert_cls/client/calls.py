"""What an exchange yields and is sent; see `exchanges`."""

import dataclasses
from collections.abc import Generator, Iterable
from typing import Any, TypeAlias, TypeVar

from keras_bert_cls.client.errors import ServerError


@dataclasses.dataclass(frozen=True)
class Call:
    """A method of the server and what it is asked.

    Attributes:
      method: "Predict", "Classify", "GetModelMetadata" or "GetModelStatus".
      request: the method's message.
    """

    method: str
    request: Any


T = TypeVar("T")
# The answers, in the order of the calls; or the first error, after which the rest was not waited
# for.
Outcome: TypeAlias = list[Any] | ServerError
Exchange: TypeAlias = Generator[Iterable[Call], Outcome, T]


def asked(calls: Iterable[Call]) -> Exchange[list[Any]]:
    """Returns the answers of `calls`; raises ServerError."""
    outcome = yield calls
    if isinstance(outcome, ServerError):
        raise outcome
    return outcome
