"""Version folders: numbers, and that they are complete or not there."""

import signal
import stat
import subprocess
import sys
import threading

import pytest

from keras_bert_cls.errors import UserError
from keras_bert_cls.export.versions import list_versions, write_version


def write_file(folder):
    (folder / "nested").mkdir()
    (folder / "nested" / "file").write_text("content")


def names(base):
    return sorted(path.name for path in base.iterdir())


def test_numbers_count_up_from_one(tmp_path):
    base = tmp_path / "not" / "there"
    assert write_version(base, write_file) == base / "1"
    assert write_version(base, write_file) == base / "2"
    assert (base / "2" / "nested" / "file").read_text() == "content"
    assert names(base) == ["1", "2"]


def test_next_number_follows_the_highest_one(tmp_path):
    for name in ("7", "0010", "99.tmp", "-12", "²", "tmp", ".exporting-123"):
        (tmp_path / name).mkdir()
    assert write_version(tmp_path, write_file) == tmp_path / "11"


def test_numbers_can_be_given(tmp_path):
    assert write_version(tmp_path, write_file, version=20260101).name == "20260101"
    assert write_version(tmp_path, write_file, version=0).name == "0"
    assert write_version(tmp_path, write_file).name == "20260102"
    assert list(list_versions(tmp_path)) == [0, 20260101, 20260102]


@pytest.mark.parametrize("existing", ["3", "003"])
def test_an_existing_version_is_refused_before_any_work(tmp_path, existing):
    (tmp_path / existing).mkdir()
    with pytest.raises(UserError, match="version 3 exists"):
        write_version(tmp_path, lambda _: pytest.fail("was called"), version=3)
    assert names(tmp_path) == [existing]


@pytest.mark.parametrize("version", [-1, 2**63])
def test_numbers_that_no_server_can_load_are_refused(tmp_path, version):
    with pytest.raises(UserError, match="from 0 to"):
        write_version(tmp_path, write_file, version=version)


def test_no_number_follows_the_largest(tmp_path):
    (tmp_path / str(2**63 - 1)).mkdir()
    with pytest.raises(UserError, match="from 0 to"):
        write_version(tmp_path, write_file)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failing_writer_leaves_nothing(tmp_path, error):
    def fail(folder):
        write_file(folder)
        raise error

    with pytest.raises(type(error)):
        write_version(tmp_path, fail)
    assert names(tmp_path) == []


def test_the_unfinished_folder_is_no_version(tmp_path):
    seen = []

    def look(folder):
        seen.extend([folder.parent, list_versions(tmp_path)])

    write_version(tmp_path, look)
    assert seen == [tmp_path, {}]


def test_the_folder_has_ordinary_permissions(tmp_path):
    (tmp_path / "ordinary").mkdir()
    folder = write_version(tmp_path, write_file)
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(
        (tmp_path / "ordinary").stat().st_mode
    )


def test_a_version_that_appears_meanwhile_is_not_overwritten(tmp_path):
    def lose_the_race(folder):
        write_file(folder)
        (tmp_path / "1").mkdir()
        (tmp_path / "1" / "file").touch()

    assert write_version(tmp_path, lose_the_race).name == "2"
    assert names(tmp_path) == ["1", "2"]


def test_a_given_version_that_appears_meanwhile_is_refused(tmp_path):
    with pytest.raises(UserError, match="version 5 exists"):
        write_version(tmp_path, lambda _: (tmp_path / "5").mkdir(), version=5)
    assert names(tmp_path) == ["5"]
    assert names(tmp_path / "5") == []


def test_exports_at_the_same_time_get_numbers_of_their_own(tmp_path):
    together = threading.Barrier(4, timeout=30)
    got = []

    def export():
        got.append(write_version(tmp_path, lambda folder: (write_file(folder), together.wait())))

    threads = [threading.Thread(target=export) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(folder.name for folder in got) == names(tmp_path) == ["1", "2", "3", "4"]
    assert all((folder / "nested" / "file").exists() for folder in got)


def test_a_killed_writer_leaves_no_version_and_does_not_disturb_the_next(tmp_path):
    program = (
        "import sys\n"
        "from keras_bert_cls.export.versions import write_version\n"
        "def write(folder):\n"
        "    (folder / 'saved_model.pb').write_text('half')\n"
        "    print('writing', flush=True)\n"
        "    sys.stdin.read()\n"
        "write_version(sys.argv[1], write)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"writing\n"
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert len(names(tmp_path)) == 1  # what it had written is there,
    assert list_versions(tmp_path) == {}  # but is no version.
    assert write_version(tmp_path, write_file).name == "1"
