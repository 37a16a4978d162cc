"""The profile of some steps."""

import pytest
import tensorflow as tf

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.profiling import Profiler


class Recorder:
    """Stands for tf.profiler.experimental."""

    def __init__(self):
        self.calls = []

    def start(self, folder):
        self.calls.append("start")

    def stop(self):
        self.calls.append("stop")


@pytest.fixture
def recorder(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(tf.profiler, "experimental", recorder)
    return recorder


def drive(profiler, start, total, steps_per_call):
    """Makes the calls of a trainer; returns the steps that ran while the profiler recorded."""
    recorded = []
    profiler.reached(start)
    step = start
    while step < total:
        stop = min(
            total, step + steps_per_call, *(cut for cut in (*profiler.cuts, total) if cut > step)
        )
        if tf.profiler.experimental.calls == ["start"]:
            recorded += range(step + 1, stop + 1)
        step = stop
        profiler.reached(step)
    profiler.close()
    return recorded


@pytest.mark.parametrize("steps_per_call", [1, 2, 7, 100])
@pytest.mark.parametrize(
    ("start", "recorded"),
    [(0, [5, 6, 7, 8]), (4, [5, 6, 7, 8]), (5, []), (7, []), (8, []), (9, [])],
)
def test_records_the_steps_that_were_asked_for(recorder, steps_per_call, start, recorded):
    assert drive(Profiler("folder", 5, 8), start, 12, steps_per_call) == recorded
    assert recorder.calls == (["start", "stop"] if recorded else [])


@pytest.mark.parametrize(("first", "last"), [(1, 1), (1, 4), (4, 4)])
def test_the_first_and_the_last_step(recorder, first, last):
    assert drive(Profiler("folder", first, last), 0, 4, 10) == list(range(first, last + 1))
    assert recorder.calls == ["start", "stop"]


def test_a_run_that_ends_early_writes_what_it_has(recorder):
    assert drive(Profiler("folder", 3, 100), 0, 6, 10) == [3, 4, 5, 6]
    assert recorder.calls == ["start", "stop"]


def test_other_workers_cut_their_calls_where_the_chief_does_and_record_nothing(recorder):
    profiler = Profiler("folder", 5, 8, records=False)
    assert profiler.cuts == Profiler("folder", 5, 8).cuts
    assert drive(profiler, 0, 12, 7) == []
    assert recorder.calls == []


def test_a_real_profile_is_where_tensorboard_looks(tmp_path):
    profiler = Profiler(tmp_path / "tensorboard", 1, 1)
    profiler.reached(0)
    tf.function(lambda x: tf.matmul(x, x, name="profiled_product"))(tf.ones([8, 8]))
    profiler.reached(1)
    profiler.close()
    (file,) = (tmp_path / "tensorboard").glob("plugins/profile/*/*.xplane.pb")
    assert b"MatMul" in file.read_bytes()


def test_a_profile_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("no folder")
    profiler = Profiler(tmp_path / "file" / "tensorboard", 1, 1)
    with pytest.raises(UserError, match="file/tensorboard: the profile could not be written"):
        profiler.reached(0)
        profiler.reached(1)
