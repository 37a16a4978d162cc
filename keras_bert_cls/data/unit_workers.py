"""Packs units in several processes."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Generator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from keras_bert_cls.data.pack_plan import Unit
from keras_bert_cls.data.unit_packer import PackedUnit, UnitPacker
from keras_bert_cls.errors import UserError


def pack_units(
    packer: UnitPacker, units: Mapping[int, Unit], processes: int
) -> Generator[tuple[int, PackedUnit]]:
    """Packs units; yields their numbers and what came out, in any order.

    Args:
      packer: what packs a unit.
      units: by their numbers.
      processes: how many work at a time; one works in this process.

    Raises:
      UserError: as `UnitPacker.pack`, or a process was killed.
    """
    processes = min(processes, len(units))
    if processes <= 1:
        for number, unit in units.items():
            yield number, packer.pack(number, unit)
        return
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(processes, context, _start_worker, (packer,))
    try:
        futures = {executor.submit(_pack, number, unit): number for number, unit in units.items()}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BaseException as error:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()  # what it is at would be done again anyway
        if isinstance(error, BrokenProcessPool):
            raise UserError(
                "a process that packs was killed, perhaps for want of memory. The same command "
                "goes on where it was stopped; fewer --processes need less."
            ) from error
        raise
    finally:
        executor.shutdown(cancel_futures=True)


_packer: UnitPacker


def _start_worker(packer: UnitPacker) -> None:
    """Makes a process ready to pack; it ends with its parent, even if that is killed."""
    global _packer
    _packer = packer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _pack(number: int, unit: Unit) -> PackedUnit:
    return _packer.pack(number, unit)
