"""Which task each step learns."""

import math

import numpy as np
import pytest

from keras_bert_cls.data.task_sampling import SamplingConfig, TaskDraws

SIZES = (12_000, 300, 5_000)


def chances(kind, alpha, step, steps, sizes=SIZES):
    """The chance of each task, in plain Python."""
    if kind == "annealed":
        alpha = 1 - (1 - alpha) * (step / (steps - 1) if steps > 1 else 0)
    powers = [math.pow(size, alpha) for size in sizes]
    return [power / sum(powers) for power in powers]


@pytest.mark.parametrize(
    ("kind", "given", "alpha"),
    [
        ("proportional", None, 1.0),
        ("uniform", None, 0.0),
        ("temperature", None, 0.5),
        ("temperature", 0.7, 0.7),
        ("annealed", None, 0.2),
        ("annealed", 0.0, 0.0),
    ],
)
def test_chances(kind, given, alpha):
    sampling = SamplingConfig(kind, given)
    assert not sampling.problems()
    steps = 1000
    draws = TaskDraws(SIZES, sampling, steps, seed=5)
    for step in (0, 1, 500, 999):
        expected = chances(kind, alpha, step, steps)
        np.testing.assert_allclose(draws.chances(np.array([step]))[0], expected, rtol=1e-12)
    # Any stretch of windows has as many of each task as the chances of its steps say.
    for start in (0, 512):
        drawn = draws.tasks(start, start + 256)
        for task in range(3):
            wanted = sum(
                chances(kind, alpha, step, steps)[task] for step in range(start, start + 256)
            )
            assert abs((drawn == task).sum() - wanted) <= 4 + (4 if kind == "annealed" else 0)


def test_every_step_has_the_chances_by_itself():
    # Over many seeds a single step draws each task as often as its chance says.
    draws = [TaskDraws((3, 1), SamplingConfig(), 9, seed) for seed in range(2000)]
    drawn = np.array([each.tasks(7, 8)[0] for each in draws])
    assert abs((drawn == 0).mean() - 0.75) < 4 * math.sqrt(0.75 * 0.25 / 2000)


def test_the_extra_task_has_its_share():
    draws = TaskDraws(SIZES, SamplingConfig("uniform"), 100, extra_share=0.25)
    np.testing.assert_allclose(draws.chances(np.array([3])), [[0.25] * 4])
    assert abs((draws.tasks(0, 1280) == 3).sum() - 320) <= 20


def test_a_run_of_one_step_and_huge_tasks_have_chances():
    sizes = (10**9, 1)
    draws = TaskDraws(sizes, SamplingConfig("annealed"), 1)
    expected = chances("annealed", 0.2, 0, 1, sizes)
    np.testing.assert_allclose(draws.chances(np.array([0]))[0], expected)


def test_any_part_of_the_draws_is_the_same():
    draws = TaskDraws(SIZES, SamplingConfig("annealed"), 700, seed=9)
    all_of_them = draws.tasks(0, 700).tolist()
    for start, stop in ((0, 1), (127, 129), (128, 256), (300, 300), (311, 699)):
        assert draws.tasks(start, stop).tolist() == all_of_them[start:stop]
    for step in (0, 1, 128, 400):
        assert draws.counts(step) == [all_of_them[:step].count(task) for task in range(3)]
        going_on = draws.tasks_from(step)
        assert [next(going_on) for _ in range(200)] == all_of_them[step : step + 200]
    other = TaskDraws(SIZES, SamplingConfig("annealed"), 700, seed=10)
    assert other.tasks(0, 700).tolist() != all_of_them


@pytest.mark.parametrize(
    ("sampling", "message"),
    [
        (SamplingConfig("proportinal"), "Did you mean 'proportional'?"),
        (SamplingConfig("uniform", 0.5), "alpha is 0.5, but sampling of kind 'uniform' has none"),
        (SamplingConfig("annealed", 1.5), "alpha must be in [0, 1], got 1.5"),
    ],
)
def test_what_is_wrong(sampling, message):
    assert message in "\n".join(sampling.problems())
