"""What a classification head is made of. Imports no TensorFlow, as configs name the kinds."""

import dataclasses

HEAD_KINDS = ("dense",)


@dataclasses.dataclass(frozen=True)
class HeadSettings:
    """A classification head.

    Attributes:
      kind: one of HEAD_KINDS. "dense" has a logit for each label.
      prefix: begins the names of its layers, so that several heads can stand on one encoder.
    """

    kind: str = "dense"
    prefix: str = ""


DENSE_HEAD = HeadSettings()
