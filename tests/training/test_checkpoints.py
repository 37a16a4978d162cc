"""Checkpoints: whole or not there, the newest valid one wins."""

import hashlib
import json
import resource
import shutil

import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.checkpoints import Checkpoints, Progress

SIZE = 5000


class Run:
    """Variables and their checkpoints; the variables hold the step."""

    def __init__(self, folder, keep=2, names=("block_0/kernel", "bias")):
        self.weights = {name: tf.Variable(tf.zeros([SIZE]), name=name) for name in names}
        self.step = tf.Variable(0, dtype=tf.int64)
        state = {"weights": self.weights, "step": self.step}
        self.checkpoints = Checkpoints(folder, state, keep)

    def save(self, step, best=False, **progress):
        """Saves a step and waits until it is on the disk."""
        folder = self.put(step, best, **progress)
        self.checkpoints.wait()
        return folder

    def put(self, step, best=False, **progress):
        """Saves a step in the background."""
        self.step.assign(step)
        for weight in self.weights.values():
            weight.assign(tf.fill([SIZE], float(step)))
        save = self.checkpoints.save_best if best else self.checkpoints.save
        return save(Progress(step=step, **progress))

    def values(self):
        """The one step that all variables hold."""
        found = {int(self.step)}
        for weight in self.weights.values():
            found |= set(np.unique(weight.numpy()).astype(int).tolist())
        (step,) = found
        return step


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_saved_is_restored(tmp_path):
    progress = {
        "best_metric": 0.1 + 0.2,
        "best_step": 3,
        "stale_evaluations": 2,
        "finished": True,
    }
    Run(tmp_path).save(7, **progress)
    fresh = Run(tmp_path)
    assert fresh.checkpoints.restore_newest() == Progress(step=7, **progress)
    assert fresh.values() == 7


def test_without_checkpoints_nothing_is_restored(tmp_path):
    run = Run(tmp_path / "not there yet")
    assert run.checkpoints.restore_newest() is None
    assert run.checkpoints.restore_best() is None
    assert run.checkpoints.newest() is None
    assert run.values() == 0


def test_the_newest_are_kept_and_the_best(tmp_path):
    run = Run(tmp_path, keep=3)
    for step in range(5, 45, 5):
        run.save(step)
        if step in (10, 20):
            run.save(step, best=True)
    assert names(tmp_path) == [
        "best-000000020",
        "step-000000030",
        "step-000000035",
        "step-000000040",
    ]
    assert run.checkpoints.newest() == tmp_path / "step-000000040"
    assert run.checkpoints.restore_best() == Progress(step=20)
    assert run.values() == 20
    assert run.checkpoints.restore_newest() == Progress(step=40)
    assert run.values() == 40


def test_the_manifest_lists_every_file(tmp_path):
    folder = Run(tmp_path).save(3)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert sorted([*manifest["sha256"], "manifest.json"]) == names(folder)
    assert len(names(folder)) > 2


def truncate(folder):
    data = max(folder.iterdir(), key=lambda path: path.stat().st_size)
    with open(data, "r+b") as file:
        file.truncate(data.stat().st_size // 2)


def flip_a_bit(folder):
    data = max(folder.iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)


def lose_a_file(folder):
    next(folder.glob("*.index")).unlink()


def lose_the_manifest(folder):
    (folder / "manifest.json").unlink()


def cut_the_manifest(folder):
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text()[:-20])


def empty_the_manifest(folder):
    (folder / "manifest.json").write_text("{}")


def list_in_the_manifest(folder):
    (folder / "manifest.json").write_text("[]")


DAMAGES = [
    truncate,
    flip_a_bit,
    lose_a_file,
    lose_the_manifest,
    cut_the_manifest,
    empty_the_manifest,
    list_in_the_manifest,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path, damage, caplog):
    run = Run(tmp_path)
    older, newer = run.save(10), run.save(20)
    damage(newer)
    fresh = Run(tmp_path)
    assert fresh.checkpoints.restore_newest() == Progress(step=10)
    assert fresh.values() == 10
    assert f"{newer} is damaged" in caplog.text
    # The run goes on and saves over the damaged one.
    assert fresh.save(20) == newer
    assert Run(tmp_path).checkpoints.restore_newest() == Progress(step=20)
    damage(older)
    damage(newer)
    assert Run(tmp_path).checkpoints.restore_newest() is None


def test_a_damaged_best_one_is_no_silent_loss(tmp_path):
    run = Run(tmp_path)
    folder = run.save(10, best=True)
    truncate(folder)
    with pytest.raises(UserError, match=f"{folder} is damaged: .*SHA-256"):
        run.checkpoints.restore_best()


def test_what_a_kill_left_half_written_is_neither_taken_nor_kept(tmp_path):
    run = Run(tmp_path)
    run.save(10)
    shutil.copytree(run.save(20), tmp_path / ".writing-step-000000030")
    fresh = Run(tmp_path)
    assert fresh.checkpoints.restore_newest() == Progress(step=20)
    assert names(tmp_path) == ["step-000000010", "step-000000020"]


def test_a_full_disk_leaves_the_older_ones_whole(tmp_path):
    run = Run(tmp_path)
    run.save(10)
    # Writes beyond 8 kB of a file fail from here on, as they do on a full disk.
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
    try:
        with pytest.raises(UserError, match="step-000000020: the checkpoint could not be written"):
            run.save(20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == ["step-000000010"]
    fresh = Run(tmp_path)
    assert fresh.checkpoints.restore_newest() == Progress(step=10)
    assert fresh.values() == 10
    run.save(20)
    assert fresh.checkpoints.restore_newest() == Progress(step=20)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/run/step-000000010: the checkpoint could not be"):
        Run(tmp_path / "file/run").save(10)


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (("block_0/kernel",), "not in the model: weights/bias"),
        (("block_0/kernel", "bias", "gamma"), "not in the checkpoint: weights/gamma"),
    ],
)
def test_other_weights_are_refused(tmp_path, other, problem):
    Run(tmp_path).save(10)
    fresh = Run(tmp_path, names=other)
    with pytest.raises(UserError, match=f"step-000000010 does not fit the model: {problem}"):
        fresh.checkpoints.restore_newest()
    assert fresh.values() == 0


def test_a_checkpoint_of_the_former_format_is_refused(tmp_path):
    folder = Run(tmp_path).save(10)
    prefix = str(folder / "state")
    tf.train.Checkpoint(step=tf.Variable(10)).write(prefix)
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("state*")
    }
    manifest = {"progress": {"step": 10}, "sha256": digests}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="does not fit the model: not in the checkpoint: step, w"):
        Run(tmp_path).checkpoints.restore_newest()


def change_manifest(folder, part, **values):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest[part] |= values
    path.write_text(json.dumps(manifest))


def test_progress_of_a_newer_version_is_refused(tmp_path):
    change_manifest(Run(tmp_path).save(10), "progress", mood="good")
    fresh = Run(tmp_path)
    with pytest.raises(UserError, match=r"step-000000010/manifest\.json: .* unknown field 'mood'"):
        fresh.checkpoints.restore_newest()
    assert fresh.values() == 0


def test_progress_of_an_older_version_has_defaults(tmp_path):
    folder = Run(tmp_path).save(10, best_metric=0.5, best_step=10)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["progress"]["stale_evaluations"], manifest["progress"]["finished"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert Run(tmp_path).checkpoints.restore_newest() == Progress(10, 0.5, 10)
