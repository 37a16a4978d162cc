"""The ops that releases of TensorFlow Serving link. Imports no TensorFlow.

op_tables.json.gz holds their names, attributes and defaults, and says where they come from;
tools/op_tables.py writes it.
"""

import functools
import gzip
import json
import pathlib
from typing import Any

SERVERS = ("2.16", "2.17", "2.18", "2.19", "2.20")
DEFAULT_SERVER = SERVERS[-1]
_FILE = pathlib.Path(__file__).with_name("op_tables.json.gz")


class OpTable:
    """What one release of TensorFlow Serving links.

    Args:
      server: one of `SERVERS`.

    Attributes:
      server: the release.
      graph_version: the newest graph that it reads, as GraphDef.versions counts.
      sources: the releases that it is built from and other provenance, for people.
    """

    def __init__(self, server: str):
        table = _read_file()
        self.server = server
        self.graph_version: int = table["servers"][server]["graph_version"]
        self.sources: tuple[str, ...] = tuple(table["sources"])
        self._ops: dict[str, list[dict[str, Any]]] = table["ops"]

    def definition(self, op: str, server: str | None = None) -> dict[str, Any] | None:
        """Returns what a server knows of an op, or None if it does not have it.

        The keys: "attributes", each with "type" and maybe "default" (an AttrValue as JSON) and
        "allowed" (a list of an AttrValue as JSON); "cpu_kernel", whether the op runs on a CPU;
        maybe "deprecated", the version from which graphs may not use it.

        Args:
          op: the op's name.
          server: another release than this table's.
        """
        variants = self._ops.get(op, ())
        return next((v for v in variants if (server or self.server) in v["servers"]), None)

    def servers_with(self, op: str, attribute: str | None = None) -> list[str]:
        """Returns the releases that have the op, and its attribute if one is given."""
        definitions = {server: self.definition(op, server) for server in SERVERS}
        return [
            server
            for server, definition in definitions.items()
            if definition and (attribute is None or attribute in definition["attributes"])
        ]


@functools.cache
def _read_file() -> dict[str, Any]:
    return json.loads(gzip.decompress(_FILE.read_bytes()))
