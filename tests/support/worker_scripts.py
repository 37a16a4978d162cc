"""Scripts in processes of their own, alone or as the two workers of a cluster."""

import contextlib
import json
import os
import socket
import subprocess
import sys

SECONDS = 120


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def run_scripts(script: str, arguments: list[str], configs: tuple[dict, ...] = ({},)) -> list:
    """Runs a script for each TF_CONFIG; returns what they print, JSON."""
    command = [sys.executable, script, *arguments]
    pipe = subprocess.PIPE
    with contextlib.ExitStack() as stack:
        processes = []
        for config in configs:
            environment = {**os.environ, "TF_CONFIG": json.dumps(config)}
            process = subprocess.Popen(command, stdout=pipe, stderr=pipe, env=environment)
            processes.append(stack.enter_context(process))
            stack.callback(process.kill)
        outputs = [process.communicate(timeout=SECONDS) for process in processes]
    for process, (_, errors) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, errors.decode()
    return [json.loads(output) for output, _ in outputs]


def two_workers() -> tuple[dict, ...]:
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    return tuple({"cluster": cluster, "task": {"type": "worker", "index": n}} for n in range(2))
