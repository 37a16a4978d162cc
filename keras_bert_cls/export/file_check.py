"""Whether the files of a SavedModel are there and within limits."""

import pathlib
import re

from keras_bert_cls.errors import UserError
from keras_bert_cls.export.finding import Finding, Findings
from keras_bert_cls.export.model_card import CARD_FILE, read_model_card
from keras_bert_cls.export.saved_graph import GRAPH_FILE, SavedGraph

PROTOBUF_LIMIT = (
    2**31 - 1
)  # Bytes of a message, https://protobuf.dev/programming-guides/proto-limits
_VARIABLES = pathlib.PurePath("variables")
_INDEX = _VARIABLES / "variables.index"
_SHARD = re.compile(r"variables\.data-\d+-of-(?P<count>\d+)")


def check_graph_size(folder: pathlib.Path) -> list[Finding]:
    """Checks that a server can read the graph at all."""
    found = Findings("size")
    size = _size(folder / GRAPH_FILE)
    if size > PROTOBUF_LIMIT:
        found.error(
            f"{size:,} bytes, and a protobuf holds {PROTOBUF_LIMIT:,}",
            GRAPH_FILE,
            "Keep weights in tf.Variables: constants are stored in the graph.",
        )
    weights = sum(_size(path) for path in (folder / _VARIABLES).glob("variables.data-*"))
    return found.close(f"graph {_megabytes(size)}, variables {_megabytes(weights)}")


def check_files(folder: pathlib.Path, graph: SavedGraph) -> list[Finding]:
    """Checks that the variables' files and the assets are there."""
    found = Findings("files")
    nodes = graph.meta_graph.graph_def.node
    if any(node.op == "VarHandleOp" for node in nodes) and not (folder / _INDEX).exists():
        found.error("is missing, and the graph has variables", str(_INDEX), "Copy all files.")
    shards = [m for path in (folder / _VARIABLES).glob("*") if (m := _SHARD.fullmatch(path.name))]
    if shards and len(shards) != int(shards[0]["count"]):
        found.error(
            f"{len(shards)} of {int(shards[0]['count'])} files of variables are there",
            str(_VARIABLES),
            "Copy all files.",
        )
    for asset in graph.meta_graph.asset_file_def:
        path = pathlib.PurePath("assets") / asset.filename
        if not (folder / path).is_file():
            found.error("is missing, and the graph reads it", str(path), "Copy all files.")
    return found.close(f"none is missing; {len(graph.meta_graph.asset_file_def)} assets")


def check_model_card(folder: pathlib.Path) -> list[Finding]:
    """Checks the description that this package's clients and programs read."""
    found = Findings("model card")
    if not (folder / CARD_FILE).exists():
        found.warning(
            "there is none; servers do not mind, bertcls-predict and kbc.Classifier do",
            str(CARD_FILE),
            "Export the model with bertcls-export.",
        )
        return found.close("")
    try:
        card = read_model_card(folder)
    except UserError as error:
        found.error(str(error), str(CARD_FILE), "Export the model again.")
        return found.close("")
    return found.close(f"{card.get('task')}, {len(card.get('labels', ()))} labels")


def _size(path: pathlib.Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
