"""Long lists in requests of a sensible size."""

import dataclasses

from keras_bert_cls.client.requests import Columns
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.token_estimate import estimated_tokens


@dataclasses.dataclass(frozen=True)
class RequestLimits:
    """What one request holds at most; a single text goes whatever its size.

    Attributes:
      rows: texts.
      tokens: estimated tokens, each text counted as long as the longest beside it.
      bytes: of the texts.
    """

    rows: int
    tokens: int
    bytes: int

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise UserError(f"a request must hold at least 1 of {name}, got {value}")


def slices(columns: Columns, limits: RequestLimits) -> list[list[int]]:
    """Shares out the rows to requests, those of about the same length together.

    So short texts are not padded to the length of long ones.

    Args:
      columns: the model's input -> texts.
      limits: of each request.

    Returns:
      For each request its rows' indices; every row is in one.
    """
    rows = list(zip(*columns.values(), strict=True))
    tokens = [sum(map(estimated_tokens, row)) + 1 for row in rows]
    requests: list[list[int]] = []
    size = 0
    for index in sorted(range(len(rows)), key=tokens.__getitem__):
        row_size = sum(map(len, rows[index]))
        # Lengths grow: this row is the longest of its request.
        fits = (
            requests
            and len(requests[-1]) < limits.rows
            and (len(requests[-1]) + 1) * tokens[index] <= limits.tokens
            and size + row_size <= limits.bytes
        )
        if not fits:
            requests.append([])
            size = 0
        requests[-1].append(index)
        size += row_size
    return requests
