"""What a classification head is made of. Imports no TensorFlow, as configs name the kinds."""

import dataclasses

HEAD_KINDS = ("dense",)


@dataclasses.dataclass(frozen=True)
class HeadSettings:
    """A classification head.

    Attributes:
      kind: one of HEAD_KINDS. "dense" has a logit for each label.
    """

    kind: str = "dense"


DENSE_HEAD = HeadSettings()
