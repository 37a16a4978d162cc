"""Shares of classes against their formulas, and counts of whole epochs."""

import collections

import numpy as np
import pytest

from keras_bert_cls.data.batches import JudgedRows
from keras_bert_cls.data.token_store import TokenStore, write_token_store
from keras_bert_cls.errors import UserError
from keras_bert_cls.training.classes_config import ClassesConfig
from keras_bert_cls.training.row_sampling import class_shares, row_sampling

LABELS = ("no", "so", "yes", "absent")
TARGETS = [0] * 16 + [1] * 4 + [2] * 1


def store_of(folder, targets, labelled=None) -> TokenStore:
    columns = {"token_ids": "uint16", "target": "int32"}
    several = isinstance(targets[0], tuple)
    if labelled is not None:
        columns["labelled"] = "uint8"
    ragged = ("token_ids", "target") if several else ("token_ids",)
    with write_token_store(folder, columns, ragged, {}) as writer:
        values = {"token_ids": np.ones(len(targets)), "labelled": np.array(labelled)}
        values["target"] = np.concatenate(targets).astype(int) if several else np.array(targets)
        lengths = {"token_ids": np.ones(len(targets), int)}
        if several:
            lengths["target"] = np.array([len(target) for target in targets])
        writer.append({name: values[name] for name in columns}, lengths)
    return TokenStore(folder)


def counts_of(sampling, groups) -> dict:
    rows = sampling.rows_at(np.arange(sampling.epoch_rows), 0)
    return dict(collections.Counter(np.asarray(groups)[rows].tolist()))


def test_shares():
    counts = np.array([100, 10, 1])
    half = class_shares(ClassesConfig(sampling_exponent=0.5), counts)
    np.testing.assert_allclose(half, [10, 10**0.5, 1])
    effective = class_shares(ClassesConfig(effective_number_beta=0.99), counts)
    expected = [n / sum(0.99**i for i in range(n)) for n in counts]
    np.testing.assert_allclose(effective, expected)


@pytest.mark.parametrize(
    ("exponent", "expected"),
    [(0.0, {0: 7, 1: 7, 2: 7}), (0.5, {0: 12, 1: 6, 2: 3}), (2.0, {0: 19, 1: 1, 2: 1})],
)
def test_classes_have_their_shares(tmp_path, exponent, expected):
    store = store_of(tmp_path, TARGETS)
    config = ClassesConfig(sampling_exponent=exponent)
    sampling = row_sampling(config, LABELS, store, None, seed=1)
    assert counts_of(sampling, TARGETS) == expected


def test_nothing_is_planned_without_need(tmp_path):
    store = store_of(tmp_path, TARGETS)
    assert row_sampling(ClassesConfig(), LABELS, store, None, 0) is None
    harder = ClassesConfig(focus_classes=("yes",), focus_loss_weight=2.0)
    assert row_sampling(harder, LABELS, store, None, 0) is None


def test_focus_multiplies_the_share_of_its_classes(tmp_path):
    store = store_of(tmp_path, TARGETS)
    config = ClassesConfig(focus_classes=("so", "yes"), focus_sampling=3.2)
    # 16 of the others to 5 * 3.2 of these.
    groups = np.array(TARGETS) > 0
    assert counts_of(row_sampling(config, LABELS, store, None, 0), groups) == {False: 11, True: 10}
    config = ClassesConfig(sampling_exponent=0.0, focus_classes=("yes",), focus_sampling=5.0)
    counts = counts_of(row_sampling(config, LABELS, store, None, 0), TARGETS)
    assert counts == {0: 3, 1: 3, 2: 15}


def test_focus_among_several_labels(tmp_path):
    targets = [(0,), (0, 1), (), (2,), (0, 2), (1,)]
    store = store_of(tmp_path, targets)
    config = ClassesConfig(focus_classes=("so",), focus_sampling=4.0)
    has = [1 in target for target in targets]
    assert counts_of(row_sampling(config, LABELS, store, None, 0), has) == {False: 2, True: 4}


def test_rows_without_a_label_keep_their_share(tmp_path):
    labelled = [1] * len(TARGETS) + [0] * 9
    store = store_of(tmp_path, TARGETS + [0] * 9, labelled)
    config = ClassesConfig(sampling_exponent=0.0)
    groups = [*TARGETS, *["none"] * 9]
    groups = np.array(groups, object)
    counts = counts_of(row_sampling(config, LABELS, store, None, 0), groups)
    assert counts == {0: 7, 1: 7, 2: 7, "none": 9}


def test_pseudo_labels_are_labels_and_other_rows_are_not_drawn(tmp_path):
    store = store_of(tmp_path, [0, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0])
    targets = np.array([0, 0, 0, 2, 2, 1], np.int32)
    judged = JudgedRows(targets, np.array([1, 1, 1, 0.5, 0, 0], np.float32))
    sampling = row_sampling(ClassesConfig(), LABELS, store, judged, 0)
    assert sorted(sampling.rows_at(np.arange(4), 0)) == [0, 1, 2, 3]
    balanced = row_sampling(ClassesConfig(sampling_exponent=0.0), LABELS, store, judged, 0)
    assert counts_of(balanced, targets) == {0: 2, 2: 2}


def test_an_unknown_class_is_named(tmp_path):
    config = ClassesConfig(focus_classes=("yess",), focus_sampling=2.0)
    with pytest.raises(UserError, match=r"focus_classes: 'yess' is no label\. Did you mean 'yes'"):
        row_sampling(config, LABELS, store_of(tmp_path, TARGETS), None, 0)
