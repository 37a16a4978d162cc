"""TensorBoard's events hold each step once, whoever reads them."""

import resource

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.event_files import EventFiles


def files_of(folder):
    return sorted(folder.glob("events.out.tfevents.*"), key=lambda path: path.stat().st_mtime_ns)


def records_of(folder) -> list[tuple[str, int, float]]:
    """Reads the files as what they are: TFRecords of Event messages."""
    found = []
    for path in files_of(folder):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                found.append((value.tag, event.step, float(tf.make_ndarray(value.tensor))))
    return sorted(found)


def shown_of(folder) -> list[tuple[str, int, float]]:
    """Reads the files as TensorBoard does, without its mending of restarted runs."""
    shown = EventAccumulator(
        str(folder), size_guidance={TENSORS: 0}, purge_orphaned_data=False
    ).Reload()
    return sorted(
        (tag, event.step, float(tf.make_ndarray(event.tensor_proto)))
        for tag in shown.Tags()["tensors"]
        for event in shown.Tensors(tag)
    )


def write(folder, start_step, steps, close=True) -> EventFiles:
    events = EventFiles(folder, start_step)
    for step in steps:
        events.write(step, {"train/loss": step + start_step / 100, "train/rate": 0.5})
        events.write(step, {"dev/loss": -float(step)})
    if close:
        events.close()
    return events


def expected(losses: dict[int, float]) -> list[tuple[str, int, float]]:
    return sorted(
        (tag, step, pytest.approx(value))
        for step, loss in losses.items()
        for tag, value in (("train/loss", loss), ("train/rate", 0.5), ("dev/loss", -float(step)))
    )


def test_no_step_is_twice_after_several_kills(tmp_path):
    folder = tmp_path / "tensorboard"
    write(folder, 0, (2, 4, 6), close=False)
    write(folder, 4, (6, 8, 10), close=False)
    write(folder, 2, (4, 6))
    write(folder, 6, (8,))
    wanted = expected({2: 2.0, 4: 4.02, 6: 6.02, 8: 8.06})
    assert records_of(folder) == wanted
    assert shown_of(folder) == wanted


def test_an_event_that_a_kill_cut_in_two_is_dropped(tmp_path):
    write(tmp_path, 0, (2, 4))
    (path,) = files_of(tmp_path)
    whole = records_of(tmp_path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(tf.errors.DataLossError):
        records_of(tmp_path)
    write(tmp_path, 4, ())
    assert records_of(tmp_path) == [record for record in whole if record[:2] != ("dev/loss", 4)]


def test_a_full_disk_is_said_with_the_folder(tmp_path):
    folder = tmp_path / "tensorboard"
    events = write(folder, 0, (2,), close=False)
    (path,) = files_of(folder)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Writes beyond some bytes of a file fail from here on, as they do on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, limits[1]))
    try:
        with pytest.raises(UserError, match="tensorboard: TensorBoard's events could not be wr"):
            events.write(4, {"train/loss": 1.0})
        events.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    write(folder, 2, ())
    assert records_of(folder) == expected({2: 2.0})


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match="file/tensorboard: TensorBoard's events could not be wr"):
        EventFiles(tmp_path / "file" / "tensorboard", 0)
