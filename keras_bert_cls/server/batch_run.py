"""One batch on a worker thread: together if that works, else each request alone."""

import logging

import numpy as np

from keras_bert_cls.server.computation import Computation, merged, split

_logger = logging.getLogger(__name__)

Outputs = dict[str, np.ndarray]


def run_together(computations: list[Computation]) -> list[Outputs | Exception]:
    """Returns outputs or the error of each.

    If the batch fails, each runs alone: only the one that is at fault fails, with its own message.
    """
    rows = [computation.rows for computation in computations]
    if len(computations) > 1:
        try:
            outputs = merged(computations).run()
            if all(array.shape[0] == sum(rows) for array in outputs.values()):
                return list(split(outputs, rows))
        except Exception as error:
            _logger.debug("a batch of %d requests failed: %s", len(computations), error)
    return [_run_alone(computation) for computation in computations]


def run_in_parts(computation: Computation, rows: int) -> list[Outputs | Exception]:
    """Returns the outputs or the error of one computation that runs `rows` of its rows at a time.

    So a request of many long texts takes no more memory than a batch does.
    """
    try:
        outputs = [part.run() for part in computation.parts(rows)]
        return [{alias: np.concatenate([o[alias] for o in outputs]) for alias in outputs[0]}]
    except Exception as error:
        return [error]


def _run_alone(computation: Computation) -> Outputs | Exception:
    try:
        return computation.run()
    except Exception as error:
        return error
