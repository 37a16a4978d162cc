"""All checks on files: what is found, how bad it is, and where."""

import json

import pytest
from labelled_files import config_of, found, one, sound_rows, write_tsv

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.data_check.check import check_data
from keras_bert_cls.data_check.finding import Severity
from keras_bert_cls.data_check.options import CheckOptions
from keras_bert_cls.errors import UserError
from keras_bert_cls.training.config import HeadConfig


def test_sound_data_has_no_findings(tmp_path):
    train = write_tsv(tmp_path / "train.tsv", sound_rows(60))
    dev = write_tsv(tmp_path / "dev.tsv", sound_rows(20, start=100))
    report = check_data(config_of(train, dev))
    assert report.findings == []
    assert report.splits["train"].labels == {"bad": 30, "good": 30}
    assert report.splits["dev"].languages == {"latin": 20}
    assert "errors: 0, warnings: 0, notes: 0" in report.to_text()
    assert json.loads(json.dumps(report.to_json()))["splits"]["train"]["rows"] == 60


def test_leakage_counts_held_out_rows_and_names_both_places(tmp_path):
    train = write_tsv(tmp_path / "train.tsv", sound_rows(40))
    dev = write_tsv(tmp_path / "dev.tsv", sound_rows(18, start=100))
    texts = [text for text, _ in sound_rows(5)]
    copied = [(f"{texts[1].upper()} ", "good"), (f"{texts[4]} ！", "bad")]
    test_rows = [*sound_rows(18, start=200), *copied]
    test = write_tsv(tmp_path / "test.tsv", test_rows)
    report = check_data(config_of(train, dev, test))
    leakage = one(report, "leakage")
    assert (leakage.severity, leakage.split) == (Severity.WARNING, "test")
    assert (leakage.count, leakage.share) == (1, 1 / 20)
    assert leakage.examples == (f"{test}:20 = {train}:3",)
    assert "drop_held_out_texts=true" in leakage.remedy
    assert one(report, "near leakage").examples == (f"{test}:21 = {train}:6",)

    dropped = check_data(config_of(train, dev, test, drop_held_out_texts=True))
    assert one(dropped, "leakage").severity is Severity.NOTE


def test_texts_that_share_a_long_end(tmp_path):
    ending = "，房间很干净服务也很周到位置方便下次还会再来住的非常满意"
    train = write_tsv(tmp_path / "train.tsv", [*sound_rows(30), ("前台态度好" + ending, "good")])
    dev = write_tsv(tmp_path / "dev.tsv", [("早餐一般" + ending, "good"), ("早餐一般", "bad")] * 9)
    assert one(check_data(config_of(train, dev)), "near leakage").count == 9


def test_different_labels_show_each_text_once(tmp_path):
    twice = [("same text", "good"), ("Same  text", "bad"), ("same text", "bad")]
    train = write_tsv(tmp_path / "train.tsv", [*sound_rows(30), *twice])
    finding = one(check_data(config_of(train)), "different labels")
    assert finding.count == 3
    assert finding.message.startswith("1 texts stand in 3 rows")
    assert finding.examples == (f"{train}:32 (good) and {train}:33 (bad)",)
    assert one(check_data(config_of(train)), "repetitions").count == 2


def test_only_one_label_for_two_rows_is_no_difference(tmp_path):
    train = write_tsv(tmp_path / "train.tsv", [*sound_rows(30), *sound_rows(2)])
    report = check_data(config_of(train))
    assert not found(report, "different labels")
    assert one(report, "repetitions").severity is Severity.WARNING  # 2 of 32


def test_bad_rows_are_counted_by_kind_and_skipping_makes_them_warnings(tmp_path):
    rows = [*sound_rows(30), ("", "good"), (" ", "bad"), ("a", "b", "c"), ("no label", "")]
    train = write_tsv(tmp_path / "train.tsv", rows)
    dev = write_tsv(tmp_path / "dev.tsv", [("x", "good"), ("y", "goood"), ("z", "bad")])
    report = check_data(config_of(train, dev))
    kinds = {finding.message: finding for finding in found(report, "rows")}
    assert {kind: finding.count for kind, finding in kinds.items()} == {
        "empty text": 2,
        "ragged row": 1,
        "missing label": 1,
    }
    assert kinds["empty text"].examples[0].startswith(f"{train}:32: ")
    unknown = one(report, "labels")
    assert (unknown.split, unknown.count) == ("dev", 1)
    assert "Did you mean 'good'" in unknown.examples[0]
    assert report.count(Severity.ERROR) == 4

    skipping = config_of(train, dev, on_bad_row="skip", unknown_label="skip")
    report = check_data(skipping)
    assert report.count(Severity.ERROR) == 0
    assert len(found(report, "rows") + found(report, "labels")) == 4


def test_labels_without_rows_few_rows_and_spellings(tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("good\nGood\nbad\nugly\n")
    train = write_tsv(tmp_path / "train.tsv", [*sound_rows(200), ("a rare one", "Good")])
    dev = write_tsv(tmp_path / "dev.tsv", sound_rows(20, start=300))
    report = check_data(config_of(train, dev, labels_file=str(labels)))
    [missing, few, unscored] = found(report, "class counts")
    assert (missing.severity, missing.message) == (
        Severity.ERROR,
        "labels without a training row: ugly",
    )
    assert "fewer than 10 training rows: Good (1)" in few.message
    assert few.examples == (f"{train}:202: Good",)
    assert "never scored, having no row: Good" in unscored.message
    assert "'good' = 'Good'" in one(report, "labels").message
    assert "100 times" in one(report, "imbalance").message
    few_enough = check_data(
        config_of(train, dev, labels_file=str(labels)), options=CheckOptions(min_class_rows=1)
    )
    assert "fewer than" not in few_enough.to_text()


def test_shifts_of_labels_and_languages(tmp_path):
    train = write_tsv(tmp_path / "train.tsv", sound_rows(200))
    skewed = [(f"好电影第{n}部", "good" if n % 4 else "bad") for n in range(100)]
    test = write_tsv(tmp_path / "test.tsv", skewed)
    report = check_data(config_of(train, None, test))
    assert "50% in train, 25% here" in one(report, "label shift").message
    assert one(report, "language shift").message == "zh 100%; train is latin 100%"


def test_small_splits_may_differ_by_chance(tmp_path):
    train = write_tsv(tmp_path / "train.tsv", sound_rows(200))
    dev = write_tsv(
        tmp_path / "dev.tsv", [*sound_rows(10, start=300), *sound_rows(3, ("bad",), 400)]
    )
    assert not found(check_data(config_of(train, dev)), "label shift")


def test_damage_of_all_kinds(tmp_path):
    damaged = [
        "caf\ufffd",
        "très bon".encode().decode("cp1252"),
        "味道，好".encode().decode("latin-1"),
        "锛屽ソ",
        "nul\0here",
        "bell\x07",
        "mid\ufeffdle",
        "old\ue415emoji",
        "AT&amp;T",
        "it #39;s",
        "line<br />break",
        r"\u4f60\u597d",
    ]
    fine = [
        "Noël à Paris",
        "1 < 2 > 0 & so; on",
        "#1 pick; #39 too",
        "émoji 😀‍👩",
        "a\u3000b",
        "“Ä”",
    ]
    rows = [(text, "good") for text in damaged] + [(text, "bad") for text in fine]
    train = write_tsv(tmp_path / "train.tsv", rows)
    report = check_data(config_of(train), options=CheckOptions(min_class_rows=0, examples=9))
    kinds = {finding.check: finding.count for finding in report.findings if finding.count}
    expected = {
        "replacement characters": 1,
        "NUL characters": 1,
        "control characters": 2,  # what Latin-1 makes of Chinese has some, too
        "byte order marks": 1,
        "private characters": 1,
        "HTML entities": 2,
        "HTML tags": 1,
        "escapes": 1,
    }
    assert {kind: kinds.get(kind) for kind in expected} == expected
    latin, gbk = found(report, "mojibake")
    assert (latin.count, gbk.count) == (2, 1)
    shown = [example for finding in report.findings for example in finding.examples]
    fine_lines = [f"{train}:{len(damaged) + 2 + n}: " for n in range(len(fine))]
    assert not [e for e in shown for line in fine_lines if e.startswith(line)]


def test_emoticons_that_give_the_label(tmp_path):
    rows = sound_rows(300)
    rows = [
        (f"{text} [泪]" if label == "bad" and n % 3 else text, label)
        for n, (text, label) in enumerate(rows)
    ]
    train = write_tsv(tmp_path / "train.tsv", rows)
    finding = one(check_data(config_of(train)), "shortcuts")
    holding = sum("[泪]" in text for text, _ in rows)
    assert finding.severity is Severity.WARNING
    assert finding.count == holding
    assert f"'[泪]' (bad: {holding} of {holding})" in finding.message


def test_label_names_in_texts(tmp_path):
    rows = [
        (f"{text} {'my sport_news'.replace('_', ' ')}" if label == "sport_news" else text, label)
        for text, label in sound_rows(60, ("sport_news", "film"))
    ]
    report = check_data(config_of(write_tsv(tmp_path / "train.tsv", rows)))
    finding = one(report, "label names")
    assert "'sport_news' in 100% of its rows" in finding.message
    assert "'film'" not in finding.message  # it stands in texts of the other label as well
    assert finding.count == 30


def test_regression_pairs_and_several_labels(tmp_path):
    values = [(f"one {n}", f"two {n}", n / 10) for n in range(20)]
    header = ("text", "second", "label")
    train = write_tsv(tmp_path / "train.tsv", values, header)
    test = write_tsv(
        tmp_path / "test.tsv", [*values[:1], ("x", "y", 9), ("one 2", "two 1", 1)], header
    )
    report = check_data(config_of(train, None, test, task="regression", text_pair_column="second"))
    assert report.splits["train"].values["max"] == pytest.approx(1.9)
    assert one(report, "values").count == 1
    assert one(report, "leakage").count == 1
    assert report.splits["train"].labels == {}

    several = [(text, "a,b" if n % 2 else "b") for n, (text, _) in enumerate(sound_rows(40))]
    several.append((several[0][0], "a"))
    train = write_tsv(tmp_path / "several.tsv", several)
    report = check_data(config_of(train, task="multi_label"))
    assert report.splits["train"].labels == {"a": 21, "b": 40}
    assert one(report, "different labels").examples == (f"{train}:2 (b) and {train}:42 (a)",)
    broken = write_tsv(tmp_path / "broken.tsv", [("a", "1.5"), ("b", "high")])
    assert one(check_data(config_of(broken, task="regression")), "labels").count == 1


def test_files_that_cannot_be_read_are_errors_not_exceptions(tmp_path):
    train = write_tsv(tmp_path / "train.tsv", sound_rows(30))
    missing = check_data(config_of(train, str(tmp_path / "dev.tsv")))
    assert one(missing, "files").split == "dev"
    assert missing.splits["train"].rows == 30
    columns = check_data(config_of(train, text_column="txt"))
    assert columns.count(Severity.ERROR) == 1
    assert "Did you mean 'text'" in columns.findings[0].message
    alone = write_tsv(tmp_path / "alone.tsv", sound_rows(30, ("only",)))
    assert "at least two labels" in one(check_data(config_of(alone)), "labels").message
    weights = check_data(config_of(train), head=HeadConfig(class_weights=(("goood", 2.0),)))
    assert "Did you mean 'good'" in one(weights, "labels").message


def test_all_of_train_left_out(tmp_path):
    train = write_tsv(tmp_path / "train.tsv", sound_rows(30))
    report = check_data(config_of(train, train, drop_held_out_texts=True))
    assert "every row is left out" in one(report, "leakage", "train").message
    assert report.count(Severity.ERROR) == 1


def test_a_wrong_config_is_refused():
    with pytest.raises(UserError, match="train_files"):
        check_data(ClassificationData())
