"""Lines stay whole where several threads write; a failure ends the writing only."""

import os
import threading

import pytest

from keras_bert_cls.errors import UserError
from keras_bert_cls.launching.line_writer import LineWriter


def test_lines_of_threads_are_not_mixed():
    reader, descriptor = os.pipe()
    writer = LineWriter(descriptor)
    lines = [str(number) * 20_000 for number in range(4)]  # far more than a pipe holds

    def write(line):
        for _ in range(5):
            writer.write([line, line])

    threads = [threading.Thread(target=write, args=(line,)) for line in lines]
    for thread in threads:
        thread.start()
    with open(reader) as file:
        found = [file.readline().removesuffix("\n") for _ in range(4 * 5 * 2)]
    for thread in threads:
        thread.join()
    writer.close()
    assert sorted(found) == sorted(lines * 10)
    assert found[0::2] == found[1::2]  # what is given together stays together


def test_a_descriptor_that_must_not_block():
    reader, descriptor = os.pipe()
    os.set_blocking(descriptor, False)
    line = "x" * 300_000
    writer = LineWriter(descriptor)
    thread = threading.Thread(target=writer.write, args=([line],))
    thread.start()
    with open(reader) as file:
        assert file.readline() == line + "\n"
        thread.join()
        writer.close()


def test_after_a_failure_it_is_silent():
    reader, descriptor = os.pipe()
    os.close(reader)
    failures = []
    writer = LineWriter(descriptor, failures.append)
    writer.write(["one"])
    writer.write(["two"])
    writer.close()
    assert [type(error) for error in failures] == [BrokenPipeError]


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*file/x\.log: "):
        LineWriter.append_to(tmp_path / "file" / "x.log")
