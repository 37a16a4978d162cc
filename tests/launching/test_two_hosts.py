"""The recipe for two hosts in docs/deployment.md, on two hosts or what comes near.

Each host runs `bertcls-launch --workers 1` around its own worker; the workers know each other by
--cluster and --task. The hosts are network namespaces joined by a cable, each with an address of
its own, where we may make such; and process groups on the loopback interface.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import select
import signal
import subprocess
import sys

import pytest
from tiny_runs import pretrain_config, write_config, write_files

from keras_bert_cls.launching.ports import reserved_ports

pytestmark = pytest.mark.slow

WAIT_SECONDS = 300
STAND_IN = pathlib.Path(__file__).with_name("stand_in_trainer.py")


@dataclasses.dataclass(frozen=True)
class Host:
    """Where a worker runs.

    Attributes:
      enter: what goes before a command, to run it there.
      address: host:port of its worker.
    """

    enter: tuple[str, ...]
    address: str


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@contextlib.contextmanager
def two_namespaces():
    """Two network namespaces and a cable between them."""
    names = [f"bertcls-{os.getpid()}-{index}" for index in range(2)]
    ends = [f"bc{os.getpid()}{end}" for end in "ab"]
    addresses = ["10.213.77.1", "10.213.77.2"]
    with contextlib.ExitStack() as stack:
        try:
            for name in names:
                ip("netns", "add", name)
                stack.callback(ip, "netns", "delete", name)
            ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
            for name, end, address in zip(names, ends, addresses, strict=True):
                ip("link", "set", end, "netns", name)
                ip("-n", name, "address", "add", f"{address}/24", "dev", end)
                ip("-n", name, "link", "set", end, "up")
                ip("-n", name, "link", "set", "lo", "up")
        except FileNotFoundError:
            pytest.skip("there is no `ip` to make network namespaces with")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"may not make network namespaces: {error.stderr.strip()}")
        yield [
            Host(("ip", "netns", "exec", name), f"{address}:2222")
            for name, address in zip(names, addresses, strict=True)
        ]


@contextlib.contextmanager
def loopback():
    """One host twice."""
    with reserved_ports(2) as ports:
        hosts = [Host((), f"127.0.0.1:{port}") for port in ports]
    yield hosts


@dataclasses.dataclass(frozen=True)
class Trainer:
    """A training program that will run for some seconds.

    Attributes:
      command: the program and its flags, all but the cluster's.
      logged_steps: what metrics.jsonl has at the end.
      enough: a step at which there is something to lose.
    """

    command: tuple[str, ...]
    logged_steps: list[int]
    enough: int


def stand_in(folder):
    command = (sys.executable, str(STAND_IN), "--workdir", str(folder / "run"), "--steps", "300")
    return Trainer(command, list(range(1, 301)), enough=30)


def pretraining(folder):
    write_files(folder)
    config = pretrain_config(
        folder, train_steps=400, train_log_every=4, train_checkpoint_every=20, train_eval_every=400
    )
    program = (sys.executable, "-m", "keras_bert_cls.cli.pretrain")
    flags = ("--config", str(write_config(folder / "config.py", config)))
    command = (*program, *flags, "--workdir", str(folder / "run"))
    return Trainer(command, list(range(4, 401, 4)), enough=60)


@pytest.fixture(
    params=[(two_namespaces, stand_in), (two_namespaces, pretraining), (loopback, stand_in)],
    ids=lambda pair: "-".join(part.__name__ for part in pair),
)
def hosts_and_trainer(request, tmp_path):
    hosts, trainer = request.param
    (tmp_path / "run").mkdir()
    with hosts() as hosts:
        yield hosts, trainer(tmp_path)


@pytest.fixture
def trainer(hosts_and_trainer):
    return hosts_and_trainer[1]


class Launchers:
    """The recipe's two commands, under way."""

    def __init__(self, hosts, trainer, folder):
        self._hosts = hosts
        self._trainer = trainer
        self._folder = folder
        self._processes = {}

    def start(self, task):
        host = self._hosts[task]
        cluster = ",".join(each.address for each in self._hosts)
        with open(self._folder / f"output-{task}", "ab") as output:
            self._processes[task] = subprocess.Popen(
                [
                    *host.enter,
                    *(sys.executable, "-m", "keras_bert_cls.cli.launch"),
                    *("--workers=1", f"--events={self._folder}/events-{task}", "--"),
                    *self._trainer.command,
                    *(f"--cluster={cluster}", f"--task={task}"),
                ],
                stdout=output,
                stderr=output,
            )

    def signal(self, task, number):
        self._processes[task].send_signal(number)

    def wait(self, task):
        """Returns the launcher's exit code."""
        return self._processes[task].wait(WAIT_SECONDS)

    def wait_for_step(self, step):
        """Waits until the run has logged a step."""
        ended = [os.pidfd_open(process.pid) for process in self._processes.values()]
        while self.last_step() < step:
            assert not select.select(ended, [], [], 0.05)[0], self.output()
        for descriptor in ended:
            os.close(descriptor)

    def last_step(self):
        return max(self.logged_steps(), default=0)

    def logged_steps(self):
        """Returns the steps of training that metrics.jsonl has."""
        path = self._folder / "run" / "metrics.jsonl"
        text = path.read_text() if path.exists() else ""
        lines = [json.loads(ln) for ln in text.splitlines(keepends=True) if ln.endswith("\n")]
        return [line["step"] for line in lines if line.get("kind", "train") == "train"]

    def events(self, task):
        lines = (self._folder / f"events-{task}").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def first_and_other_exits(self, task):
        """Returns how the worker ended first, and the codes after that.

        Without 75: the first to come back may meet the other one before it has left.
        """
        first, *others = [e["code"] for e in self.events(task) if e["event"] == "exited"]
        return first, set(others) - {75}

    def worker(self, task):
        """Returns the worker's process id."""
        return next(e["pid"] for e in reversed(self.events(task)) if e["event"] == "started")

    def output(self):
        return "\n".join(path.read_text() for path in sorted(self._folder.glob("output-*")))

    def close(self):
        for process in self._processes.values():
            process.kill()  # Their workers end with them.
            process.wait()


@pytest.fixture
def launchers(hosts_and_trainer, tmp_path):
    launchers = Launchers(*hosts_and_trainer, tmp_path)
    for task in range(2):
        launchers.start(task)
    yield launchers
    launchers.close()


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_worker_comes_back_and_no_step_is_lost(launchers, trainer, victim):
    launchers.wait_for_step(trainer.enough)
    os.kill(launchers.worker(victim), signal.SIGKILL)
    assert [launchers.wait(task) for task in range(2)] == [0, 0], launchers.output()
    assert launchers.first_and_other_exits(victim) == (-9, {0})
    assert launchers.first_and_other_exits(1 - victim) == (75, {0})
    assert launchers.logged_steps() == trainer.logged_steps


def test_a_stopped_host_is_waited_for(launchers, trainer):
    launchers.wait_for_step(trainer.enough)
    launchers.signal(1, signal.SIGTERM)
    assert launchers.wait(1) == 42, launchers.output()
    launchers.start(1)  # the machine is back
    assert [launchers.wait(task) for task in range(2)] == [0, 0], launchers.output()
    assert launchers.first_and_other_exits(1) == (42, {0})
    assert launchers.first_and_other_exits(0) == (42, {0})
    assert launchers.logged_steps() == trainer.logged_steps
