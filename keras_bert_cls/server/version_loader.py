"""Loads and warms up versions of models."""

import logging
import pathlib
import time

from keras_bert_cls.server import warmup
from keras_bert_cls.server.monitoring.metrics import ServerMetrics
from keras_bert_cls.server.monitoring.text_statistics import TextStatistics
from keras_bert_cls.server.options import ServerOptions
from keras_bert_cls.server.servable import Servable, SessionOptions, load_servable
from keras_bert_cls.server.status_errors import ServingError

_logger = logging.getLogger(__name__)


class VersionLoader:
    """Makes servables; calls may come from several threads.

    Args:
      options: of the server.
      metrics: are told of loads and warm-ups.
    """

    def __init__(self, options: ServerOptions, metrics: ServerMetrics):
        self._options = options
        self._metrics = metrics
        both = options.tensorflow_session_parallelism
        self._session = SessionOptions(
            intra_op=both or options.tensorflow_intra_op_parallelism,
            inter_op=both or options.tensorflow_inter_op_parallelism,
            gpu_memory_fraction=options.per_process_gpu_memory_fraction,
            tags=options.saved_model_tags,
        )

    def __call__(self, name: str, number: int, path: pathlib.Path) -> Servable:
        """Returns version `number` of model `name` from `path`, warmed up.

        Raises:
          ServingError: it cannot be loaded, or its warm-up fails.
        """
        start = time.perf_counter()
        try:
            servable = load_servable(name, number, path, self._session)
        except ServingError:
            self._metrics.serving.version_loaded(str(path), False, 0)
            raise
        self._metrics.serving.version_loaded(str(path), True, time.perf_counter() - start)
        try:
            if self._options.enable_model_warmup:
                self._warm_up(servable)
            if self._options.monitoring_config_file is not None:
                servable.text_statistics = TextStatistics.of_export(path)
        except BaseException:
            servable.close()
            raise
        return servable

    def _warm_up(self, servable: Servable) -> None:
        start = time.perf_counter()
        iterations = self._options.num_request_iterations_for_warmup
        status = "INTERNAL"
        try:
            count = warmup.replay(servable, servable.path, iterations)
            status = "OK"
        except ServingError as error:
            status = error.code.name
            raise
        finally:
            seconds = time.perf_counter() - start
            self._metrics.serving.version_warmed_up(str(servable.path), status, seconds)
        _logger.info(
            "%s: version %d: %d warm-up requests replayed", servable.name, servable.version, count
        )
