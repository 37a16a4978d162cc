"""Stands in for a training program: the same flags, files and exit codes, and no TensorFlow.

A "step" sums a number of every worker over the network, as training sums gradients. Worker 0 keeps
the state: state.json is the checkpoint, metrics.jsonl has a line a step.
"""

import argparse
import json
import os
import pathlib
import signal
import socket
import sys
import time

PREEMPTED, PEER_LOST = 42, 75
STEP_SECONDS = 0.01  # So that there is a time to be killed at.


class Stop:
    """Whether SIGTERM came."""

    def __init__(self):
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, number, frame):
        self.asked = True


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def connect(target):
    """Connects to worker 0 as soon as it is there."""
    while True:
        try:
            return socket.create_connection(target)
        except OSError:
            time.sleep(0.05)


def peers(cluster, task):
    """Returns files to talk to the other workers; for all but worker 0 that is worker 0."""
    if task:
        connection = connect(cluster[0])
        return [connection.makefile("rw", buffering=1)]
    with socket.create_server(cluster[0]) as server:
        accepted = [server.accept()[0] for _ in cluster[1:]]
    return [connection.makefile("rw", buffering=1) for connection in accepted]


def receive(file):
    """Reads what a peer says; raises ConnectionError if it is gone."""
    line = file.readline()
    if not line:
        raise ConnectionError
    return json.loads(line)


def send(file, value):
    file.write(json.dumps(value) + "\n")


def save(path, value):
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(value))
    os.replace(temporary, path)


def lead(files, workdir, steps, stop):
    """Worker 0: sums, and keeps the state."""
    path = workdir / "state.json"
    state = json.loads(path.read_text()) if path.exists() else {"step": 0, "total": 0}
    metrics = workdir / "metrics.jsonl"
    lines = metrics.read_text().splitlines(keepends=True) if metrics.exists() else []
    metrics.write_text("".join(lines[: state["step"]]))
    while True:
        asked = [receive(file) for file in files]  # each a number, and whether it must stop
        stopping = stop.asked or any(flag for _, flag in asked)
        done = state["step"] == steps
        if not stopping and not done:
            step = state["step"] + 1
            state = {"step": step, "total": state["total"] + step + sum(n for n, _ in asked)}
            with open(metrics, "a") as file:
                file.write(json.dumps({"step": step, "total": state["total"]}) + "\n")
            save(path, state)
        for file in files:
            send(file, [stopping, done])
        if stopping or done:
            return PREEMPTED if stopping else 0
        time.sleep(STEP_SECONDS)


def follow(file, task, stop):
    """The other workers: each gives its number to every step."""
    while True:
        send(file, [task, stop.asked])
        stopping, done = receive(file)
        if stopping or done:
            return PREEMPTED if stopping else 0


def main():
    stop = Stop()
    parser = argparse.ArgumentParser()
    parser.add_argument("--workdir", type=pathlib.Path)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--cluster", type=lambda text: [address(a) for a in text.split(",")])
    parser.add_argument("--task", type=int)
    flags = parser.parse_args()
    try:
        files = peers(flags.cluster, flags.task)
        if flags.task:
            return follow(files[0], flags.task, stop)
        return lead(files, flags.workdir, flags.steps, stop)
    except ConnectionError:
        return PEER_LOST


if __name__ == "__main__":
    sys.exit(main())
