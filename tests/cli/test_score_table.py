"""Scores as people read them."""

from keras_bert_cls.cli.score_table import score_table
from keras_bert_cls.training.metrics import LabelScore, Scores


def test_a_table_with_wide_characters():
    labels = (
        LabelScore("negative", 0.5, 0.25, 1 / 3, 1234),
        LabelScore("中性", 1.0, 0.0, 0.0, 2),
        LabelScore("an unusually long label", 0.125, 1.0, 2 / 9, 10),
    )
    table = score_table(Scores({"loss": 0.6931, "mean_absolute_error": 12.5}, labels))
    assert table.splitlines() == [
        "  loss                  0.6931",
        "  mean_absolute_error  12.5000",
        "  label                    precision  recall      f1  support",
        "  negative                    0.5000  0.2500  0.3333    1,234",
        "  中性                        1.0000  0.0000  0.0000        2",
        "  an unusually long label     0.1250  1.0000  0.2222       10",
    ]


def test_scores_without_labels():
    assert score_table(Scores({"loss": 1.0})) == "  loss                  1.0000"


def test_thousands_of_labels_are_cut_short():
    labels = tuple(LabelScore(str(i), 0.0, 0.0, 0.0, 1) for i in range(1200))
    lines = score_table(Scores({"accuracy": 0.0}, labels)).splitlines()
    assert len(lines) == 1 + 1 + 50 + 1
    assert lines[-1] == "  … and 1,150 more labels"
