"""Batches from a tf.data service: those of the local pipeline, whatever dies."""

import contextlib
import signal
import socket
import subprocess
import sys

import pytest
import tensorflow as tf
from packed_text import assert_same_batches, batches_of, pack_rows, shard_batches

from keras_bert_cls.data import service_batches
from keras_bert_cls.data.batch_source import Shard
from keras_bert_cls.errors import UserError

service = tf.data.experimental.service


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def program(*arguments):
    """The program as a user starts it, once it is ready."""
    command = [sys.executable, "-m", "keras_bert_cls.cli.data_service", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        process.ready_line = process.stdout.readline()
        yield process
        process.kill()


@pytest.fixture
def servers():
    """A dispatcher and two workers in this process; yields the address."""
    dispatcher = service.DispatchServer(service.DispatcherConfig(port=0))
    address = dispatcher.target.removeprefix("grpc://")
    workers = [service.WorkerServer(service.WorkerConfig(address)) for _ in range(2)]
    yield address
    del workers, dispatcher


@pytest.mark.parametrize("keep_text", [False, True])
def test_the_service_gives_the_local_batches(servers, tmp_path, keep_text):
    packed = pack_rows(tmp_path, 103, keep_text=keep_text)
    local, remote = shard_batches(packed), shard_batches(packed, data_service=servers)
    steps = local.steps_in_epochs(2) + 3
    shard = Shard(1, 2, 4)
    expected = batches_of(local, 0, steps, shard)
    assert_same_batches(batches_of(remote, 0, steps, shard), expected)
    assert_same_batches(batches_of(remote, 7, steps - 7, shard), expected[7:])


def test_a_silent_service_is_not_waited_for(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(service_batches, "_SILENCE_SECONDS", 0.1)
    packed = pack_rows(tmp_path, 53)
    dispatcher = service.DispatchServer(service.DispatcherConfig(port=0))  # has no workers
    remote = shard_batches(packed, data_service=dispatcher.target)
    steps = remote.steps_in_epoch(0) + 2
    expected = batches_of(shard_batches(packed), 0, steps)
    assert_same_batches(batches_of(remote, 0, steps), expected)
    assert "is silent" in caplog.text


@pytest.mark.parametrize("address", ["127.0.0.1", "nowhere.invalid:1", "127.0.0.1:x", "port"])
def test_wrong_addresses(tmp_path, address):
    packed = pack_rows(tmp_path, 13)
    if address == "port":
        address = f"127.0.0.1:{free_port()}"
    with pytest.raises(UserError, match=f"--data_service {address}: expected host:port"):
        shard_batches(packed, data_service=address).dataset(0, Shard())


@pytest.mark.slow
def test_a_worker_that_is_killed_loses_nothing(tmp_path, caplog):
    packed = pack_rows(tmp_path, 2000)
    local = shard_batches(packed)
    steps = local.steps_in_epochs(4)
    expected = batches_of(local, 0, steps)
    with contextlib.ExitStack() as stack:
        port = free_port()
        started = stack.enter_context(program("--role=dispatcher", f"--port={port}"))
        assert started.ready_line == f"dispatcher listening on localhost:{port}\n"
        flags = ("--role=worker", f"--dispatcher=127.0.0.1:{port}")
        workers = [stack.enter_context(program(*flags)) for _ in range(2)]
        remote = shard_batches(packed, data_service=f"127.0.0.1:{port}")
        batches = remote.dataset(0, Shard()).take(steps).as_numpy_iterator()
        found = []
        for step, batch in enumerate(batches):
            if step == steps // 4:
                workers[0].send_signal(signal.SIGKILL)
            found.append(batch)
        assert_same_batches(found, expected)
        assert "did not come from the data service: made here" in caplog.text
        for process in (workers[1], started):
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    assert workers[0].returncode == -signal.SIGKILL
