"""One run that goes from strategy to strategy by its checkpoints."""

import strategy_run
import tensorflow as tf
from worker_scripts import run_scripts, two_workers

from keras_bert_cls.training.checkpoints import Progress


def run(strategy, folder, steps, configs=({},)) -> list[dict[int, list[str]]]:
    """Runs the script for each TF_CONFIG; returns the digests that they print, by step."""
    printed = run_scripts(strategy_run.__file__, [strategy, str(folder), str(steps)], configs)
    return [{int(step): values for step, values in one.items()} for one in printed]


def test_a_run_goes_on_under_another_strategy(tmp_path):
    default = tf.distribute.get_strategy()
    expected = strategy_run.StrategyRun(default, tmp_path / "whole").run(6)
    assert len({digest for (digest,) in expected.values()}) == 7
    folder = tmp_path / "changing"
    strategy_run.StrategyRun(default, folder).run(1)
    (mirrored,) = run("mirrored", folder, 3)
    assert mirrored == {step: expected[step] * 2 for step in (1, 2, 3)}
    workers = run("multi_worker", folder, 5, two_workers())
    assert workers == [{step: expected[step] for step in (3, 4, 5)}] * 2
    assert strategy_run.StrategyRun(default, folder).run(6) == {5: expected[5], 6: expected[6]}
    last = strategy_run.StrategyRun(default, folder)
    assert last.checkpoints.restore_newest() == Progress(6)
    assert last.digests() == expected[6]
