"""What a classification head is made of. Imports no TensorFlow, as configs name the kinds."""

import dataclasses
from typing import TYPE_CHECKING

from keras_bert_cls.data.label_tree import LabelTree

if TYPE_CHECKING:  # It computes with NumPy, which configs need not wait for.
    from keras_bert_cls.modeling.adaptive_cutoffs import AdaptiveShape

HEAD_KINDS = ("dense", "hierarchical", "ordinal", "adaptive")


@dataclasses.dataclass(frozen=True)
class HeadSettings:
    """A classification head.

    Attributes:
      kind: "dense" has a logit for each label, "hierarchical" a softmax at each node of a tree,
        "ordinal" one score and thresholds, and "adaptive" a softmax over very many labels.
      prefix: begins the names of its layers, so that several heads can stand on one encoder.
      label_shares: of a dense multi-label head the share of rows that have each label, in (0, 1).
        Its biases begin at these probabilities (Lin et al. 2017, https://arxiv.org/abs/1708.02002,
        section 3.3), which the small steps of fine-tuning are long in reaching; () for 0.5.
      tree: of a hierarchical head.
      level_shares: of an ordinal head the share of each label among the training rows, where its
        thresholds begin; () for equal ones.
      adaptive: of an adaptive head.
    """

    kind: str = "dense"
    prefix: str = ""
    label_shares: tuple[float, ...] = ()
    tree: LabelTree | None = None
    level_shares: tuple[float, ...] = ()
    adaptive: "AdaptiveShape | None" = None


DENSE_HEAD = HeadSettings()
