"""The CPUs that this process may use, which in a container are fewer than the machine has."""

import math
import os
import pathlib
import re

from keras_bert_cls.errors import UserError

_CGROUP_LIMIT = pathlib.Path("/sys/fs/cgroup/cpu.max")  # of a container, cgroup version 2
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


def usable_cpus(cgroup_limit: pathlib.Path = _CGROUP_LIMIT) -> int:
    """Returns how many CPUs' worth of time this process may use, at least 1.

    Args:
      cgroup_limit: the file with a container's quota and period, such as "150000 100000" for one
        CPU and a half, which count as two; "max" for no quota.
    """
    has_affinity = hasattr(os, "sched_getaffinity")
    cpus = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    try:
        quota, period = cgroup_limit.read_text(encoding="ascii").split()
        return max(1, min(cpus, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no container, or one without a quota
        return cpus


def bind_to_cpus(cpu_list: str) -> None:
    """Lets this thread, and those that it starts from now on, run on these CPUs only.

    Args:
      cpu_list: numbers and ranges, such as "0-3,8".

    Raises:
      UserError: it is no such list, or this process may not use one of the CPUs.
    """
    cpus = _cpus_of(cpu_list)
    if not hasattr(os, "sched_setaffinity"):
        raise UserError("--cpus: this system cannot bind a program to CPUs; leave the flag out")
    usable = os.sched_getaffinity(0)
    if not cpus <= usable:
        raise UserError(
            f"--cpus: expected CPUs that this process may use ({_list_of(usable)}), got {cpu_list}"
        )
    os.sched_setaffinity(0, cpus)


def _cpus_of(cpu_list: str) -> set[int]:
    cpus: set[int] = set()
    for part in cpu_list.split(","):
        match = _RANGE.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last:
            raise UserError(
                f"--cpus: expected numbers and ranges such as 0-3,8, got {part!r} in {cpu_list!r}"
            )
        cpus.update(range(first, last + 1))
    return cpus


def _list_of(cpus: set[int]) -> str:
    return ",".join(map(str, sorted(cpus)))
