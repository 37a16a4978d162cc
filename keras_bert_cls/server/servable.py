"""One loaded version of a SavedModel."""

import dataclasses
import functools
import logging
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import grpc
import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the tokenizer's ops
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2

from keras_bert_cls.export.branches import CALLING_THREAD, executor_threads
from keras_bert_cls.export.model_card import card_number
from keras_bert_cls.server.signature import Signature
from keras_bert_cls.server.status_errors import ServingError, invalid_argument, status_code
from keras_bert_cls.text.token_estimate import BERT_TOKENS

if TYPE_CHECKING:
    from keras_bert_cls.server.monitoring.text_statistics import TextStatistics

_logger = logging.getLogger(__name__)
# A client chooses which outputs it wants, so the compiled choices must not pile up.
_MAX_CALLABLES = 64


@dataclasses.dataclass(frozen=True)
class SessionOptions:
    """How a SavedModel is loaded and run.

    TensorFlow's thread pools belong to the process: the first session that is opened fixes their
    sizes, and 0 lets TensorFlow choose.

    Attributes:
      intra_op: threads that share the work of one op.
      inter_op: threads that run ops which do not wait for each other; with -1 the thread that
        calls `run` does it alone, unless the export has branches: then there is a thread for each.
      gpu_memory_fraction: of each GPU that the process may take; 0 takes what it needs.
      tags: of the SavedModel's graph.
    """

    intra_op: int = 0
    inter_op: int = 0
    gpu_memory_fraction: float = 0
    tags: tuple[str, ...] = (tf.saved_model.SERVING,)


class Servable:
    """A version whose signatures can be run, from several threads at once.

    Attributes:
      name: of the model.
      version: the number of the version's folder.
      path: that folder.
      signature_defs: all SignatureDefs of the SavedModel by name.
      max_tokens: to which the model cuts texts, as its card says; else what BERT takes at most.
      text_statistics: measures texts for the metrics; None where nobody asked for it.
    """

    def __init__(
        self,
        name: str,
        version: int,
        path: pathlib.Path,
        session: tf.compat.v1.Session,
        signature_defs: Mapping[str, meta_graph_pb2.SignatureDef],
    ):
        self.name = name
        self.version = version
        self.path = path
        self.max_tokens = card_number(path, "max_length", BERT_TOKENS)
        self.text_statistics: TextStatistics | None = None
        self.signature_defs = dict(signature_defs)
        self._session = session
        self._callable = functools.lru_cache(_MAX_CALLABLES)(self._make_callable)
        # The SavedModel's own initializer is stored as a signature: no request may run it.
        self._signatures = {
            key: Signature(key, definition)
            for key, definition in signature_defs.items()
            if not key.startswith("__")
        }

    def signature(self, name: str) -> Signature | None:
        """Returns the signature of that name, if there is one."""
        return self._signatures.get(name)

    def run(
        self, signature: Signature, inputs: Mapping[str, np.ndarray], outputs: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Runs a signature.

        Args:
          signature: of this servable.
          inputs: an array for each input; they passed `signature.check_inputs`.
          outputs: the aliases of the wanted outputs.

        Returns:
          An array for each of `outputs`; strings are `bytes` in object arrays.

        Raises:
          ServingError: the graph refused the inputs.
        """
        call = self._callable(signature.name, tuple(outputs))
        try:
            arrays = call(*(inputs[alias] for alias in sorted(signature.definition.inputs)))
        except tf.errors.OpError as error:
            raise ServingError(status_code(error.error_code), error.message) from error
        except UnicodeDecodeError as error:
            # The op's message quotes bytes of the input that are no UTF-8, so TensorFlow fails to
            # build its exception; the message is what could not be decoded.
            raise invalid_argument(error.object.decode("utf-8", "replace")) from error
        return dict(zip(outputs, arrays, strict=True))

    def close(self) -> None:
        """Frees the variables; no call after this."""
        self._session.close()

    def _make_callable(
        self, signature_name: str, outputs: tuple[str, ...]
    ) -> Callable[..., list[np.ndarray]]:
        # Not `make_callable`: with feeds it falls back to `run`, five times the overhead, and puts
        # stack traces into the messages of errors.
        definition = self.signature_defs[signature_name]
        return self._session._make_callable_from_options(
            config_pb2.CallableOptions(
                feed=[definition.inputs[alias].name for alias in sorted(definition.inputs)],
                fetch=[definition.outputs[alias].name for alias in outputs],
            )
        )


def load_servable(name: str, version: int, path: pathlib.Path, options: SessionOptions) -> Servable:
    """Loads a SavedModel the way TensorFlow Serving does: its graph into a session.

    Args:
      name: of the model.
      version: its number.
      path: the version's folder.
      options: how to load and run it.

    Raises:
      ServingError: it is no SavedModel for serving, or its variables cannot be restored.
    """
    if not any((path / f"saved_model.{suffix}").is_file() for suffix in ("pb", "pbtxt")):
        raise ServingError(
            grpc.StatusCode.NOT_FOUND, f"Version {version} of {name} holds no saved_model.pb."
        )
    if options.inter_op == CALLING_THREAD:
        options = dataclasses.replace(options, inter_op=executor_threads(path))
    session = tf.compat.v1.Session(graph=tf.Graph(), config=_session_config(options))
    try:
        with session.graph.as_default():
            meta_graph = tf.compat.v1.saved_model.loader.load(
                session, list(options.tags), str(path)
            )
    except Exception as error:
        session.close()
        _logger.exception("version %d of %s cannot be loaded from %s", version, name, path)
        code = error.error_code if isinstance(error, tf.errors.OpError) else 9
        raise ServingError(
            status_code(code),
            f"Version {version} of {name} cannot be loaded ({type(error).__name__}); "
            "the server's log says why.",
        ) from error
    return Servable(name, version, path, session, meta_graph.signature_def)


def _session_config(options: SessionOptions) -> tf.compat.v1.ConfigProto:
    return tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=options.intra_op,
        inter_op_parallelism_threads=options.inter_op,
        allow_soft_placement=True,
        gpu_options=tf.compat.v1.GPUOptions(
            allow_growth=not options.gpu_memory_fraction,
            per_process_gpu_memory_fraction=options.gpu_memory_fraction,
        ),
    )
