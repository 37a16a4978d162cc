"""Free ports of this machine for the workers to listen on."""

import contextlib
import pathlib
import random
import socket
from collections.abc import Iterator

_EPHEMERAL = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST = 10_000
_ATTEMPTS = 1000


@contextlib.contextmanager
def reserved_ports(count: int) -> Iterator[list[int]]:
    """Gives ports of 127.0.0.1 that nobody else can take before the context is left.

    A worker takes its port seconds after that, when TensorFlow is loaded. So the ports lie below
    those that the system hands out by itself, where it has such a range.

    Args:
      count: how many.
    """
    with contextlib.ExitStack() as stack:
        ports: list[int] = []
        for _ in range(_ATTEMPTS):
            if len(ports) == count:
                break
            holder = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):  # In use: try another.
                holder.bind(("127.0.0.1", random.randrange(_FIRST, _last())))
                ports.append(holder.getsockname()[1])
        else:
            raise OSError(f"no {count} free ports on 127.0.0.1 from {_FIRST} to {_last()}")
        yield ports


def _last() -> int:
    """Returns the first port that the system may hand out to anybody."""
    if not _EPHEMERAL.exists():
        return 32_768
    first = int(_EPHEMERAL.read_text().split()[0])
    return first if first > _FIRST + _ATTEMPTS else 65_536
