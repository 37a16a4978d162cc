"""Whether a stock TensorFlow Serving of a certain release can serve a SavedModel."""

import os
import pathlib

import tensorflow as tf

from keras_bert_cls.errors import UserError
from keras_bert_cls.export.file_check import check_files, check_graph_size, check_model_card
from keras_bert_cls.export.finding import Finding, Severity, errors
from keras_bert_cls.export.op_check import check_ops, check_xla
from keras_bert_cls.export.op_tables import DEFAULT_SERVER, SERVERS, OpTable
from keras_bert_cls.export.resource_check import check_resources
from keras_bert_cls.export.saved_graph import SavedGraph, read_saved_model
from keras_bert_cls.export.signature_check import (
    check_rank_guards,
    check_signatures,
    served_signatures,
)
from keras_bert_cls.export.warmup_check import check_warmup


class UnservableGraphError(UserError):
    """TensorFlow Serving could not serve the model; the message says what to change."""


def check_saved_model(folder: str | os.PathLike, server: str = DEFAULT_SERVER) -> list[Finding]:
    """Checks a SavedModel from its files, without loading it.

    Args:
      folder: the SavedModel, that is one version of an export.
      server: the release of TensorFlow Serving, one of `op_tables.SERVERS`.

    Returns:
      At least one finding a check: ops and their attributes, XLA, signatures, rank guards,
      variables, files, size, warm-up, model card.

    Raises:
      UserError: `folder` holds no SavedModel, or no such server is known.
    """
    if server not in SERVERS:
        raise UserError(
            f"the ops of TensorFlow Serving {server} are not known: expected one of "
            f"{', '.join(SERVERS)}."
        )
    folder = pathlib.Path(folder)
    size = check_graph_size(folder)
    if errors(size):
        return size
    tagged = [
        meta_graph
        for meta_graph in read_saved_model(folder).meta_graphs
        if set(meta_graph.meta_info_def.tags) == {tf.saved_model.SERVING}
    ]
    if not tagged:
        return [
            Finding(
                Severity.ERROR,
                "tags",
                f"no graph with the tag {tf.saved_model.SERVING!r} and no other",
                "saved_model.pb",
                "Save it with tf.saved_model.save.",
            )
        ]
    graph = SavedGraph(tagged[0])
    table = OpTable(server)
    return [
        *check_ops(graph, table),
        *check_xla(graph, table),
        *check_signatures(graph),
        *check_rank_guards(graph),
        *check_resources(graph),
        *check_files(folder, graph),
        *size,
        *check_warmup(folder, served_signatures(graph)),
        *check_model_card(folder),
    ]


def require_servable(folder: str | os.PathLike, server: str = DEFAULT_SERVER) -> None:
    """Checks a SavedModel as `check_saved_model` does.

    Raises:
      UnservableGraphError: a check found an error.
    """
    found = errors(check_saved_model(folder, server))
    if found:
        listed = "\n".join(f"  {e.check}: {e.where}: {e.message}. {e.change}" for e in found)
        raise UnservableGraphError(f"TensorFlow Serving {server} could not serve it:\n{listed}")
