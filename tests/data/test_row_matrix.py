"""A matrix that is computed once, window by window, whatever happens in between."""

import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest

from keras_bert_cls.data.row_matrix import reuse_or_compute

ROWS, COLUMNS, WINDOW = 23, 3, 4
VALUES = np.random.default_rng(0).normal(size=(ROWS, COLUMNS)).astype(np.float32)


class Source:
    """Gives the windows of VALUES; notes where they begin, and fails at one if asked to."""

    def __init__(self, fail_at=None):
        self.begun: list[int] = []
        self.fail_at = fail_at

    def __call__(self, start):
        for first in range(start, ROWS, WINDOW):
            if first == self.fail_at:
                raise KeyboardInterrupt
            self.begun.append(first)
            yield VALUES[first : first + WINDOW]


def matrix(folders, digest="a", source=None):
    return reuse_or_compute(folders, digest, (ROWS, COLUMNS), WINDOW, source or Source())


def never(start):
    raise AssertionError(f"computed from row {start} on")
    yield


def test_is_computed_once(tmp_path):
    folders = [tmp_path / "deep" / "logits"]
    found = matrix(folders)
    assert isinstance(found, np.memmap) and found.dtype == np.float32
    np.testing.assert_array_equal(found, VALUES)
    np.testing.assert_array_equal(matrix(folders, source=never), VALUES)
    # A worker finds that of the chief.
    np.testing.assert_array_equal(matrix([*folders, tmp_path / "own"], source=never), VALUES)
    assert not (tmp_path / "own").exists()


def test_another_digest_computes_it_again(tmp_path):
    matrix([tmp_path / "logits"])
    again = Source()
    np.testing.assert_array_equal(matrix([tmp_path / "logits"], "b", again), VALUES)
    assert again.begun == list(range(0, ROWS, WINDOW))
    other = Source()
    matrix([tmp_path / "logits", tmp_path / "own"], "c", other)
    assert other.begun[0] == 0
    np.testing.assert_array_equal(matrix([tmp_path / "logits"], "b", never), VALUES)


@pytest.mark.parametrize("torn_bytes", [0, 5, COLUMNS * 4 * (WINDOW - 1)])
def test_goes_on_after_the_last_whole_window(tmp_path, torn_bytes):
    with pytest.raises(KeyboardInterrupt):
        matrix([tmp_path], source=Source(fail_at=2 * WINDOW))
    with open(tmp_path / "values.partial.bin", "ab") as file:
        file.write(b"\xff" * torn_bytes)
    rest = Source()
    np.testing.assert_array_equal(matrix([tmp_path], source=rest), VALUES)
    assert rest.begun == list(range(2 * WINDOW, ROWS, WINDOW))


def test_what_was_begun_for_another_digest_is_dropped(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        matrix([tmp_path], "old", Source(fail_at=2 * WINDOW))
    anew = Source()
    matrix([tmp_path], "new", anew)
    assert anew.begun[0] == 0


def test_too_few_rows_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="expected 23 rows, 4 were computed"):
        matrix([tmp_path], source=lambda start: iter([VALUES[:WINDOW]]))
    with pytest.raises(AssertionError, match="from row 4 on"):
        matrix([tmp_path], source=never)


_KILLED = """
import os, pathlib, signal, sys
import numpy as np
from keras_bert_cls.data.row_matrix import reuse_or_compute

def windows(start):
    assert start == 0
    for first in range(0, 23, 4):
        if first == 12:
            os.kill(os.getpid(), signal.SIGKILL)
        yield np.full((4, 3), first, np.float32)

reuse_or_compute([sys.argv[1]], "a", (23, 3), 4, windows)
"""


def test_sigkill_leaves_the_windows_that_were_finished(tmp_path):
    folder: pathlib.Path = tmp_path / "logits"
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(folder)], check=False)
    assert killed.returncode == -signal.SIGKILL
    rest = Source()
    found = matrix([folder], source=rest)
    assert rest.begun == [12, 16, 20]
    assert found[:12, 0].tolist() == [0.0] * 4 + [4.0] * 4 + [8.0] * 4
    np.testing.assert_array_equal(found[12:], VALUES[12:])
