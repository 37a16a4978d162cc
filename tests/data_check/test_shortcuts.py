"""Tokens that give the label."""

from keras_bert_cls.data.labels import LabelSet
from keras_bert_cls.data.rows import Row
from keras_bert_cls.data_check import shortcuts
from keras_bert_cls.data_check.shortcuts import Shortcuts, tokens_of
from keras_bert_cls.data_check.split_rows import CheckedRow


def test_tokens():
    assert tokens_of("[泪] 太难吃了! Don't :-) 😀 3 apples") == {
        *("[泪]", "太难", "难吃", "吃了", "!", "don't", ":-)", "😀", "apples"),
    }
    assert tokens_of("好") == {"好"}


def test_forgetting_rare_tokens_loses_no_shortcut(monkeypatch):
    monkeypatch.setattr(shortcuts, "_MOST_ENTRIES", 500)
    rows = [
        CheckedRow("train", Row("f", n, f"x{n} y{n * 7 % 1000} {'[泪]' if n % 2 else ''}"), n % 2)
        for n in range(1000)
    ]
    rows = [
        CheckedRow(r.split, r.row._replace(text=r.row.text.replace("0", "zero ")), r.target)
        for r in rows
    ]
    gathered = Shortcuts(LabelSet(["bad", "good"]))
    for checked in rows:
        gathered.add(checked)
    again = gathered.candidates()
    again.count(rows)
    [finding] = again.findings(examples=1)
    assert "'[泪]' (good: 500 of 500)" in finding.message
    assert finding.examples == ("f:1: [泪]",)
