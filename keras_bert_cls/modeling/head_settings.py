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
      biases: of a dense head at first, one for each logit; () for 0. A multi-label head should
        begin at the log odds of its labels' frequencies (Lin et al. 2017, section 3.3,
        https://arxiv.org/abs/1708.02002) and a regression at the mean of its targets: the small
        steps of fine-tuning are long in reaching them.
      tree: of a hierarchical head.
      level_shares: of an ordinal head the share of each label among the training rows, where its
        thresholds begin; () for equal ones.
      adaptive: of an adaptive head.
    """

    kind: str = "dense"
    prefix: str = ""
    biases: tuple[float, ...] = ()
    tree: LabelTree | None = None
    level_shares: tuple[float, ...] = ()
    adaptive: "AdaptiveShape | None" = None


DENSE_HEAD = HeadSettings()
