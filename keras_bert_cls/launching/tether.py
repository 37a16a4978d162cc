"""Runs a command that dies when the launcher does. A script of its own; imports nothing of ours.

  python tether.py LIFELINE COMMAND ARGUMENT…

LIFELINE is the reading end of a pipe whose writing end only the launcher holds, so that the kernel
closes it when the launcher ends, however it ends. A guard waits for that and then kills the whole
process group: the command and what it started. (Linux' parent-death signal reaches the command
only, and nothing that it started.)

The process group must be this process's own: start it in a new session.
"""

import os
import signal
import sys

NO_SUCH_PROGRAM = 2


def guard(lifeline: int) -> None:
    """Waits for the launcher's end, then kills the process group and so itself."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):  # Else readers of the command's output would wait for the guard.
        os.dup2(nowhere, stream)
    os.read(lifeline, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> int:
    """Starts the guard and becomes the command."""
    lifeline, command = int(sys.argv[1]), sys.argv[2:]
    if os.fork() == 0:
        if os.fork() == 0:  # Twice, so that the command has no child that it knows nothing of.
            guard(lifeline)
        os._exit(0)
    os.wait()
    os.close(lifeline)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them; exec would keep that.
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return NO_SUCH_PROGRAM


if __name__ == "__main__":
    raise SystemExit(main())
