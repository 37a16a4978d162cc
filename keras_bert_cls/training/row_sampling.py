"""How often training rows are drawn, by their labels."""

import numpy as np

from keras_bert_cls.data.batches import JudgedRows
from keras_bert_cls.data.group_sampling import GroupSampling
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.training.class_weights import label_places
from keras_bert_cls.training.classes_config import ClassesConfig


def class_shares(config: ClassesConfig, counts: np.ndarray) -> np.ndarray:
    """Returns the shares of an epoch of classes of `counts` rows, float64; without the focus."""
    counts = np.maximum(counts, 1).astype(np.float64)
    beta = config.effective_number_beta
    if beta:
        return counts * (1 - beta) / (1 - beta**counts)
    return counts**config.sampling_exponent


def row_sampling(
    config: ClassesConfig,
    labels: tuple[str, ...],
    store: TokenStore,
    judged: JudgedRows | None,
    seed: int,
) -> GroupSampling | None:
    """Returns how rows are drawn; None if each is drawn once an epoch.

    Rows that pseudo-labels leave without a label are not drawn at all. Those without one that learn
    from a teacher's soft labels make a group of their own, which keeps its share.

    Args:
      config: how much classes count.
      labels: names of the logits.
      store: the training rows.
      judged: their pseudo-labels; None for none.
      seed: of the order.
    """
    if not config.balances and config.focus_sampling == 1 and judged is None:
        return None
    focus = label_places("--config.classes.focus_classes", config.focus_classes, labels)
    labelled = np.ones(len(store), bool)
    if "labelled" in store and judged is None:
        labelled = store.values("labelled") > 0
    if config.balances:
        targets = store.values("target") if judged is None else judged.targets
        groups = np.where(labelled, targets, len(labels))
        counts = np.bincount(groups[_drawn(judged, groups)], minlength=len(labels) + 1)
        shares = counts.astype(np.float64)
        of_labels = class_shares(config, counts[:-1]) * (counts[:-1] > 0)
        # Rows with a label together keep the share of an epoch that they have.
        shares[:-1] = of_labels * (counts[:-1].sum() / of_labels.sum())
        shares[focus] *= config.focus_sampling
    else:
        groups = (_has_any(focus, store, judged) & labelled).astype(np.int64)
        shares = np.bincount(groups[_drawn(judged, groups)], minlength=2).astype(np.float64)
        shares[1] *= config.focus_sampling
    return GroupSampling.of(np.where(_drawn(judged, groups), groups, -1), shares, seed)


def _drawn(judged: JudgedRows | None, groups: np.ndarray) -> np.ndarray:
    return np.ones(len(groups), bool) if judged is None else judged.weights > 0


def _has_any(focus: list[int], store: TokenStore, judged: JudgedRows | None) -> np.ndarray:
    """Returns which rows have one of some labels, bool [rows]."""
    if judged is not None:
        targets = judged.targets
        if targets.ndim == 1:
            return np.isin(targets, focus)
        return np.asarray(targets[:, focus].sum(axis=1) > 0)
    found = np.isin(store.values("target"), focus)
    if not store.is_ragged("target"):
        return found
    rows = np.repeat(np.arange(len(store)), store.lengths("target"))
    return np.asarray(np.bincount(rows[found], minlength=len(store)) > 0)
