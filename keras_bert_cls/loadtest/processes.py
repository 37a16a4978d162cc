"""Runs a load, in this process or shared out to several."""

import multiprocessing
from multiprocessing.connection import Connection

from keras_bert_cls.loadtest.load import ClosedLoop, Load, Period, Question
from keras_bert_cls.loadtest.result import LoadResult, summary
from keras_bert_cls.loadtest.sender import SentShare, Share, send_share


def run_load(question: Question, load: Load, period: Period, processes: int = 1) -> LoadResult:
    """Puts a load on a server and says how it took it.

    Args:
      question: what is asked.
      load: how often.
      period: how long.
      processes: that share the load; one that is too few is busy itself and makes the server look
        slow.
    """
    if isinstance(load, ClosedLoop):
        processes = min(processes, load.concurrency)
    shares = [
        Share(question, load.share(index, processes), period, f"{load} {index}")
        for index in range(processes)
    ]
    sent = [send_share(shares[0])] if processes == 1 else _sent_by_processes(shares)
    return summary(load, period, question.rows, sent)


def _sent_by_processes(shares: list[Share]) -> list[SentShare]:
    # gRPC does not survive a fork.
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in shares]
    workers = [
        context.Process(target=_work, args=(theirs, share), daemon=True)
        for (_, theirs), share in zip(pipes, shares, strict=True)
    ]
    for worker, (_, theirs) in zip(workers, pipes, strict=True):
        worker.start()
        theirs.close()
    ours = [mine for mine, _ in pipes]
    for message in ("is ready", "may begin"):
        for pipe in ours:
            pipe.recv() if message == "is ready" else pipe.send(None)
    sent = [pipe.recv() for pipe in ours]
    for worker in workers:
        worker.join()
    return sent


def _work(pipe: Connection, share: Share) -> None:
    pipe.send(None)
    pipe.recv()
    pipe.send(send_share(share))
