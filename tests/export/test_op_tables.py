"""The tables of ops, against the TensorFlow that runs here."""

import subprocess
import sys

import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers its ops
from tensorflow.python.framework import op_def_registry

from keras_bert_cls.export.op_tables import SERVERS, OpTable

INSTALLED = ".".join(tf.__version__.split(".")[:2])
TEXT_OPS = (
    "FastBertNormalize",
    "FastWordpieceTokenizeWithOffsets",
    "TFText>RoundRobinTrim",
    "SentencepieceTokenizeOp",
)


@pytest.mark.skipif(INSTALLED not in SERVERS, reason=f"no table of TensorFlow {INSTALLED}")
def test_the_table_of_the_installed_release_is_its_registry():
    table = OpTable(INSTALLED)
    names = [*filter(str.isidentifier, dir(tf.raw_ops)), *TEXT_OPS]
    registered = {name: op_def_registry.get(name) for name in names}
    checked = 0
    for name, op in registered.items():
        if op is None:  # raw_ops has names of its own
            continue
        checked += 1
        definition = table.definition(name)
        assert definition is not None, name
        attributes = definition["attributes"]
        assert {a.name: a.type for a in op.attr} == {n: a["type"] for n, a in attributes.items()}
        defaults = {a.name for a in op.attr if a.HasField("default_value")}
        assert defaults == {n for n, a in attributes.items() if "default" in a}, name
    assert checked > 1200


@pytest.mark.parametrize("server", SERVERS)
def test_every_server_has_what_every_export_uses(server):
    table = OpTable(server)
    for op in ("MatMul", "StatefulPartitionedCall", "VarHandleOp", *TEXT_OPS[:2]):
        assert table.definition(op)["cpu_kernel"]
    for op in ("EagerPyFunc", "PyFunc"):
        assert not table.definition(op)["cpu_kernel"]
    assert table.definition("NoSuchOp") is None
    assert table.graph_version >= 1766
    assert any("model_servers/BUILD" in source for source in table.sources)


def test_what_came_with_which_release():
    table = OpTable("2.16")
    assert table.servers_with("TFText>RoundRobinTrim") == ["2.20"]
    assert table.servers_with("GatherNd") == list(SERVERS)
    assert table.servers_with("GatherNd", "bad_indices_policy") == list(SERVERS[1:])
    assert table.servers_with("NoSuchOp") == []


def test_reading_a_table_loads_no_tensorflow():
    program = (
        "import sys; from keras_bert_cls.export.op_tables import OpTable; OpTable('2.18'); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
