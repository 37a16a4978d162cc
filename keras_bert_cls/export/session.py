"""A SavedModel run as TensorFlow Serving runs it: its graph in a Session, no Python objects."""

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the tokenizer's ops

from keras_bert_cls.errors import UserError
from keras_bert_cls.export.branches import executor_threads


class SavedModelSession:
    """Runs the signatures of one SavedModel.

    Calls are thread-safe. Use it as a context manager, or `close` it, to free its variables.

    Args:
      folder: the SavedModel, that is one version of an export.
      intra_op_threads: threads that share an op; 0 is TensorFlow's choice. It holds for the whole
        process, and only if nothing has run on TensorFlow before.

    Attributes:
      signatures: name -> SignatureDef.

    Raises:
      UserError: `folder` holds no SavedModel that this TensorFlow can load.
    """

    def __init__(self, folder: str | os.PathLike, intra_op_threads: int = 0):
        self._graph = tf.Graph()
        # Soft placement, as the server has it: string ops have no GPU kernels.
        config = tf.compat.v1.ConfigProto(
            allow_soft_placement=True,
            inter_op_parallelism_threads=executor_threads(folder),
            intra_op_parallelism_threads=intra_op_threads,
        )
        self._session = tf.compat.v1.Session(graph=self._graph, config=config)
        try:
            with self._graph.as_default(), _without_deprecation_notices():
                meta_graph = tf.compat.v1.saved_model.loader.load(
                    self._session, [tf.saved_model.SERVING], os.fspath(folder)
                )
        except (OSError, RuntimeError, ValueError, tf.errors.OpError) as error:
            self.close()
            raise UserError(f"{folder} holds no SavedModel that can be loaded: {error}") from error
        self.signatures = {
            name: signature
            for name, signature in meta_graph.signature_def.items()
            if not name.startswith("__")  # The initializer is stored among the signatures.
        }

    def call(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs a signature.

        Args:
          signature: its name.
          inputs: an array for each of its inputs; strings are `bytes` in object arrays.

        Returns:
          An array for each of its outputs.

        Raises:
          KeyError: no such signature, or an input is missing.
          ValueError: an input has the wrong rank.
          tf.errors.OpError: the graph refused the input.
        """
        definition = self.signatures[signature]
        return self._session.run(
            {name: tensor.name for name, tensor in definition.outputs.items()},
            {tensor.name: inputs[name] for name, tensor in definition.inputs.items()},
        )

    def close(self) -> None:
        """Frees the variables; no call after this."""
        self._session.close()

    def __enter__(self) -> "SavedModelSession":
        return self

    def __exit__(self, *_) -> None:
        self.close()


@contextlib.contextmanager
def _without_deprecation_notices() -> Iterator[None]:
    """The v1 loader is deprecated for training; it is the one that servers use."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
