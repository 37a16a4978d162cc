"""What the benchmarks compute beside times."""

from benchmarks.interleaved import ratio
from benchmarks.models import sizes_of
from benchmarks.quick import moved


def test_ratios_that_moved_are_told():
    baseline = {"same": 2.0, "within a tenth": 2.0, "slower": 2.0, "gone": 1.0}
    found = {"same": 2.0, "within a tenth": 2.19, "slower": 2.5, "new": 1.0}
    assert moved(found, baseline) == [
        "gone: only in the baseline",
        "new: only in this run",
        "slower: 2.00 -> 2.50 times ours (+25%)",
    ]
    assert moved(baseline, baseline) == ["no ratio moved by more than 10 %"]


def test_the_ratio_is_of_the_same_rounds():
    compared = ratio([2.0, 30.0, 4.0], [1.0, 10.0, 4.0])
    assert compared.median == 2.0


def test_heads_are_32_or_64_wide():
    assert sizes_of("12x768")["num_heads"] == 12
    assert sizes_of("6x384")["num_heads"] == 12
    assert sizes_of("2x128") == {
        "num_layers": 2,
        "hidden_dim": 128,
        "num_heads": 4,
        "intermediate_dim": 512,
    }
