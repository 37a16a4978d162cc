"""The workers of one start, as processes of this machine."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence

from keras_bert_cls.errors import UserError
from keras_bert_cls.launching.happenings import Happenings, WorkerExited
from keras_bert_cls.launching.journal import Journal
from keras_bert_cls.launching.options import LaunchOptions
from keras_bert_cls.launching.ports import reserved_ports
from keras_bert_cls.launching.worker_output import Destinations, WorkerOutput, WorkerStream
from keras_bert_cls.launching.worker_process import WorkerProcess


class LocalTeam:
    """Worker processes that know each other by TF_CONFIG.

    Args:
      command: the program and its arguments, the same for all.
      options: how many workers, with what.
      start: counts the starts from 0.
      happenings: gets a WorkerExited for each.
      destinations: where the workers' lines go.
      journal: where to say what happens.
    """

    def __init__(
        self,
        command: Sequence[str],
        options: LaunchOptions,
        start: int,
        happenings: Happenings,
        destinations: Destinations,
        journal: Journal,
    ):
        self._happenings = happenings
        with reserved_ports(options.workers) as ports:
            environments = list(worker_environments(options, ports))
        self._workers: list[WorkerProcess] = []
        streams: list[WorkerStream] = []
        for index, environment in enumerate(environments):
            worker = WorkerProcess(command, environment, self._exit_of(index))
            journal.record("started", worker=index, pid=worker.pid, start=start)
            self._workers.append(worker)
            # One worker alone may have any place in a cluster of several machines.
            prefix = f"[worker {index}] " if options.workers > 1 else ""
            log = destinations.logs[index] if destinations.logs else None
            streams += [
                WorkerStream(worker.stdout, prefix, destinations.stdout, log),
                WorkerStream(worker.stderr, prefix, destinations.stderr, log),
            ]
        self._errors = streams[1::2]
        self._output = WorkerOutput(streams)

    def _exit_of(self, index: int) -> Callable[[int], None]:
        return lambda code: self._happenings.put(WorkerExited(index, code))

    @property
    def size(self) -> int:
        """How many workers there are."""
        return len(self._workers)

    def terminate(self) -> None:
        """Sends SIGTERM to those that run."""
        for worker in self._workers:
            worker.terminate()

    def kill(self) -> None:
        """Sends SIGKILL to those that run, and to what they started."""
        for worker in self._workers:
            worker.kill()

    def last_words(self, worker: int) -> list[str]:
        """Returns what a worker wrote to its standard error last; complete after `close`."""
        return list(self._errors[worker].last_lines)

    def close(self) -> None:
        """Waits for the last lines of workers that have all ended."""
        self._output.join()


def worker_environments(options: LaunchOptions, ports: Sequence[int]) -> Iterator[dict[str, str]]:
    """Gives each worker's environment.

    Args:
      options: how many workers, with how many GPUs.
      ports: one for each worker.

    Raises:
      UserError: CUDA_VISIBLE_DEVICES names too few GPUs for the workers.
    """
    addresses = [f"127.0.0.1:{port}" for port in ports]
    visible = _visible_gpus(options)
    for index in range(options.workers):
        environment = dict(os.environ)
        # What a worker said last must not be lost in a buffer when it is killed.
        environment.setdefault("PYTHONUNBUFFERED", "1")
        if options.workers > 1:
            task = {"type": "worker", "index": index}
            environment["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
        if options.gpus:
            own = visible[index * options.gpus : (index + 1) * options.gpus]
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(own)
        yield environment


def _visible_gpus(options: LaunchOptions) -> list[str]:
    needed = options.workers * options.gpus
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is None:
        return [str(number) for number in range(needed)]
    visible = [name for name in given.split(",") if name]
    if len(visible) < needed:
        raise UserError(
            f"--workers={options.workers} with --gpus={options.gpus} need {needed} GPUs, "
            f"CUDA_VISIBLE_DEVICES={given} has {len(visible)}"
        )
    return visible


def check_program(name: str) -> None:
    """Raises UserError unless `name` is a program that can be run."""
    if shutil.which(name) is None:
        raise UserError(f"expected a program to run after --, there is no {name!r} on the PATH")
