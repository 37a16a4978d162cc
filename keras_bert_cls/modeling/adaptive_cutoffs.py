"""Where to cut labels into clusters, from how often they occur. Imports no TensorFlow."""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from keras_bert_cls.errors import UserError

_CANDIDATES = 300
_MOST_CLUSTERS = 3


@dataclasses.dataclass(frozen=True)
class CostModel:
    """Seconds that a cluster takes in a training step.

    Grave et al. 2017 (section 4.1) time a product of B rows and k outputs by c + lambda * k * B,
    from a certain size on. Two terms are added for what else grows on a CPU: the softmax, which
    counts where the width is small, and the gradient and update of the weights, which count where
    rows are few. `python -m benchmarks.adaptive_softmax_cost` measures the constants.

    Attributes:
      constant: of a cluster.
      per_product: times rows * (outputs + hidden) * width, forwards and backwards.
      per_logit: times rows * outputs.
      per_weight: times the weights.
    """

    constant: float = 1.0e-3
    per_product: float = 2.6e-11
    per_logit: float = 2.8e-9
    per_weight: float = 1.1e-9

    def seconds(self, rows, outputs, width, hidden_dim: int = 0):
        """Returns the time of a cluster; numbers or arrays.

        Args:
          rows: that have a label of the cluster.
          outputs: labels of the cluster.
          width: into which hidden states are projected.
          hidden_dim: width of the hidden states; 0 if there is no projection.
        """
        weights = (outputs + hidden_dim) * width
        return (
            self.constant
            + self.per_product * rows * weights
            + self.per_logit * rows * outputs
            + self.per_weight * weights
        )


def frequency_order(counts: Sequence[int] | np.ndarray) -> np.ndarray:
    """Returns the labels from the most to the least frequent, int32; equal ones by number."""
    return np.argsort(-np.asarray(counts, np.float64), kind="stable").astype(np.int32)


@dataclasses.dataclass(frozen=True)
class AdaptiveShape:
    """What the labels' frequencies make of an adaptive softmax.

    Attributes:
      cutoffs, div_value: see AdaptiveSoftmax.
      order: the labels from the most to the least frequent, int32.
    """

    cutoffs: tuple[int, ...]
    div_value: float
    order: np.ndarray

    @classmethod
    def of(
        cls,
        counts: Sequence[int] | np.ndarray,
        hidden_dim: int,
        cutoffs: Sequence[int] = (),
        div_value: float = 4.0,
    ) -> "AdaptiveShape":
        """Returns the shape for labels that occur so often.

        Args:
          counts: how often each label occurs.
          hidden_dim: width of the hidden states.
          cutoffs: () chooses them, with the most clusters up to 3 that can be.
          div_value: each cluster is narrower than the one before by this factor.

        Raises:
          UserError: the cutoffs do not fit the labels, or the clusters would have no width.
        """
        if cutoffs:
            chosen = checked_cutoffs(len(counts), cutoffs)
        else:
            clusters = min(_MOST_CLUSTERS, len(counts) - 1)
            while clusters > 1 and hidden_dim < div_value**clusters:
                clusters -= 1
            chosen = adaptive_cutoffs(counts, hidden_dim, div_value, clusters)
        return cls(chosen, div_value, frequency_order(counts))


def adaptive_cutoffs(
    counts: Sequence[int] | np.ndarray,
    hidden_dim: int,
    div_value: float = 4.0,
    num_clusters: int = 3,
    *,
    batch_size: int = 512,
    slack: float = 0.25,
    cost: CostModel | None = None,
) -> tuple[int, ...]:
    """Returns the cutoffs with the largest shortlist among those whose training steps take little.

    Dynamic programming, as in Grave et al. 2017 (section 4.3), over cutoffs among the first 300
    ranks and 300 ranks in geometric progression.

    Args:
      counts: how often each label occurs, in any order.
      hidden_dim: width of the hidden states.
      div_value: each cluster is narrower than the one before by this factor.
      num_clusters: clusters beside the shortlist. More than 2 to 5 gain little (section 4.3).
      batch_size: entries of a batch, on one device.
      slack: how much longer than the shortest a step may take, 0.25 for a quarter. Labels of the
        shortlist are predicted from the full width, and around the shortest step many of them cost
        little.
      cost: what a cluster costs.

    Returns:
      num_clusters ranks, for AdaptiveSoftmax.

    Raises:
      UserError: the counts are not numbers of at least 0 with some over 0, they are fewer than the
        clusters need, or a cluster would have no width.
    """
    counts = _checked_counts(counts, num_clusters)
    widths = [int(hidden_dim // div_value ** (i + 1)) for i in range(num_clusters)]
    if num_clusters < 1 or widths[-1] < 1:
        raise UserError(
            "num_clusters must be at least 1 and leave each cluster a width: "
            f"{num_clusters} clusters, hidden_dim {hidden_dim} and div_value {div_value} give the "
            f"widths {widths}. Take fewer clusters or a smaller div_value."
        )
    cost = cost or CostModel()
    seen = np.concatenate([[0.0], np.cumsum(np.sort(counts)[::-1])]) / counts.sum()
    size = len(counts)
    edges = np.geomspace(1, size - 1, _CANDIDATES).round().astype(int)
    edges = np.union1d(edges, np.arange(1, min(size, _CANDIDATES)))

    # cheapest[e]: the least time of the clusters from a cutoff at edge e on.
    rows = batch_size * (1 - seen[edges])
    cheapest = cost.seconds(rows, size - edges, widths[-1], hidden_dim)
    followers = []
    for width in widths[-2::-1]:
        between = np.maximum(edges[np.newaxis] - edges[:, np.newaxis], 0)
        rows = batch_size * (seen[edges][np.newaxis] - seen[edges][:, np.newaxis])
        total = cost.seconds(rows, between, width, hidden_dim) + cheapest[np.newaxis]
        total = np.where(between > 0, total, np.inf)
        followers.append(total.argmin(axis=1))
        cheapest = total.min(axis=1)
    total = cost.seconds(batch_size, edges + num_clusters, hidden_dim) + cheapest
    chosen = [int(np.flatnonzero(total <= (1 + slack) * total.min())[-1])]
    for follower in followers[::-1]:
        chosen.append(int(follower[chosen[-1]]))
    return tuple(int(edges[index]) for index in chosen)


def checked_cutoffs(num_classes: int, cutoffs: Sequence[int]) -> tuple[int, ...]:
    """Returns the cutoffs as ints.

    Raises:
      UserError: where torch.nn.AdaptiveLogSoftmaxWithLoss raises ValueError: there are none, or
        they are not whole numbers that increase within [1, num_classes - 1].
    """
    found = list(cutoffs)
    rising = all(a < b for a, b in itertools.pairwise(found))
    whole = all(cutoff == int(cutoff) for cutoff in found)
    if not found or not whole or not rising or found[0] < 1 or found[-1] > num_classes - 1:
        raise UserError(
            "cutoffs must be one or more whole numbers that increase, each from 1 to "
            f"num_classes - 1 = {num_classes - 1}, got {found}"
        )
    return tuple(int(cutoff) for cutoff in found)


def checked_order(num_classes: int, label_order: Sequence[int] | np.ndarray) -> np.ndarray:
    """Returns the labels by frequency, int32; UserError unless each is there once."""
    order = np.asarray(label_order)
    if order.shape != (num_classes,) or not np.array_equal(np.sort(order), np.arange(num_classes)):
        raise UserError(
            f"label_order must hold each label from 0 to {num_classes - 1} once, got "
            f"{label_order!r:.80}; see frequency_order"
        )
    return order.astype(np.int32)


def _checked_counts(counts: Sequence[int] | np.ndarray, num_clusters: int) -> np.ndarray:
    found = np.asarray(counts, np.float64)
    if found.ndim != 1 or not np.isfinite(found).all() or (found < 0).any() or not found.any():
        raise UserError(
            "counts must be a number of at least 0 for each label, with some over 0; got "
            f"{counts!r:.80}. Count the labels of the training data."
        )
    if len(found) <= num_clusters:
        raise UserError(
            f"{num_clusters} clusters beside the shortlist need more than {num_clusters} labels, "
            f"got {len(found)}. Take fewer clusters."
        )
    return found
