"""Many clients, each on a thread, that ask again once they are answered."""

import time
from collections.abc import Callable
from concurrent import futures

import numpy as np

Ask = Callable[[str], str]


def closed_loop(
    connect: Callable[[], Ask], texts: list[str], clients: int, seconds: float
) -> dict[str, float]:
    """Asks for some time, after a second that is not counted.

    Args:
      connect: makes a client: from a text to its label.
      texts: each client goes through all, from a place of its own.
      clients: how many.
      seconds: that are counted.

    Returns:
      "requests/s", and "p50 ms" and "p99 ms" of the counted requests, at least one a client.
    """
    begin = time.perf_counter() + 1
    end = begin + seconds

    def work(number: int) -> list[float]:
        ask = connect()
        mine: list[float] = []
        while (started := time.perf_counter()) < end:
            ask(texts[(number * 7919 + len(mine)) % len(texts)])
            if started >= begin or not mine:
                mine.append(time.perf_counter() - started)
        return mine

    with futures.ThreadPoolExecutor(clients) as threads:
        latencies = [one for mine in threads.map(work, range(clients)) for one in mine]
    p50, p99 = np.percentile(latencies, [50, 99]) * 1e3
    return {
        "requests/s": len(latencies) / (time.perf_counter() - begin),
        "p50 ms": float(p50),
        "p99 ms": float(p99),
    }
