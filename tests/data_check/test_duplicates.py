"""Duplicates, against counting with sets."""

import collections

from hypothesis import given, settings
from hypothesis import strategies as st
from labelled_files import found

from keras_bert_cls.data.rows import Row
from keras_bert_cls.data_check.duplicates import duplicate_findings
from keras_bert_cls.data_check.report import DataReport
from keras_bert_cls.data_check.row_index import RowIndex
from keras_bert_cls.data_check.split_rows import SPLITS, CheckedRow

ROWS = st.lists(
    st.tuples(st.sampled_from(SPLITS), st.sampled_from("abcd"), st.integers(0, 2)), max_size=25
)


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_counts(rows):
    rows.sort(key=lambda row: SPLITS.index(row[0]))
    index = RowIndex()
    for line, (split, text, label) in enumerate(rows):
        index.add(CheckedRow(split, Row("f", line, text), label))
    findings = duplicate_findings(index, str, drops_held_out=False, examples=100)
    report = DataReport({}, findings)

    texts = {split: [text for own, text, _ in rows if own == split] for split in SPLITS}
    leaks = {
        ("dev", "train"): sum(text in texts["train"] for text in texts["dev"]),
        ("test", "train"): sum(text in texts["train"] for text in texts["test"]),
        ("test", "dev"): sum(text in texts["dev"] for text in texts["test"]),
    }
    leakage = found(report, "leakage")
    assert [finding.count for finding in leakage] == [count for count in leaks.values() if count]
    for finding in leakage:
        for example in finding.examples:
            one, other = (rows[int(place.removeprefix("f:"))] for place in example.split(" = "))
            assert one[1] == other[1]
            assert one[0] == finding.split != other[0]

    repeated = {split: len(own) - len(set(own)) for split, own in texts.items()}
    assert {f.split: f.count for f in found(report, "repetitions")} == {
        split: count for split, count in repeated.items() if count
    }
    labels = collections.defaultdict(set)
    for _, text, label in rows:
        labels[text].add(label)
    clashing = {text for text, own in labels.items() if len(own) > 1}
    different = found(report, "different labels")
    assert len(different) == bool(clashing)
    if different:
        assert different[0].count == sum(text in clashing for _, text, _ in rows)
        assert len(different[0].examples) == len(clashing)
    assert not found(report, "near leakage")
