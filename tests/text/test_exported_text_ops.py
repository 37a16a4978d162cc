"""The text ops in a SavedModel, loaded by a process that does not import this package."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tricky_texts import TRICKY_TEXTS

from keras_bert_cls.text.packing import pack_texts
from keras_bert_cls.text.tokenizer import Tokenizer

TEXTS = [text.encode() if isinstance(text, str) else text for text in TRICKY_TEXTS.values()]
MAX_LENGTH = 64

LOADER = """
import json, sys
import numpy as np
import tensorflow as tf
import tensorflow_text
folder = sys.argv[1]
texts = tf.constant([bytes.fromhex(text) for text in json.load(sys.stdin)])
for name in ("uncased", "cased"):
    model = tf.saved_model.load(f"{folder}/{name}")
    outputs = model.signatures["serving_default"](texts=texts)
    np.savez(f"{folder}/{name}.npz", **{key: value.numpy() for key, value in outputs.items()})
    empty = model.signatures["serving_default"](texts=tf.constant([], tf.string))
    assert empty["token_ids"].shape == [0, 8], empty["token_ids"].shape
    try:
        model.signatures["serving_default"](texts=tf.constant("scalar"))
    except (tf.errors.InvalidArgumentError, TypeError, ValueError):
        pass
    else:
        raise AssertionError("a scalar was accepted")
assert "keras_bert_cls" not in sys.modules
"""


class Servable(tf.Module):
    def __init__(self, tokenizer: Tokenizer):
        super().__init__()
        self.tokenizer = tokenizer

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="texts")])
    def serve(self, texts):
        token_ids = self.tokenizer.tokenize(texts)
        packed = pack_texts(
            self.tokenizer.vocabulary, [token_ids, token_ids], max_length=MAX_LENGTH
        )
        return {
            **packed,
            "values": token_ids.values,
            "row_splits": token_ids.row_splits,
            "texts": self.tokenizer.detokenize(token_ids),
        }


@pytest.fixture(scope="module")
def servables(vocabulary):
    return {
        "uncased": Servable(Tokenizer(vocabulary, lowercase=True)),
        "cased": Servable(Tokenizer(vocabulary, lowercase=False)),
    }


@pytest.fixture(scope="module")
def folder(servables, tmp_path_factory):
    """Exports both, loads them in one fresh process, and returns the folder with its outputs."""
    folder = tmp_path_factory.mktemp("exported")
    for name, servable in servables.items():
        tf.saved_model.save(servable, str(folder / name), signatures=servable.serve)
    loaded = subprocess.run(
        [sys.executable, "-c", LOADER, str(folder)],
        input=json.dumps([text.hex() for text in TEXTS]),
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert loaded.returncode == 0, loaded.stderr[-4000:]
    return folder


@pytest.mark.parametrize("name", ["uncased", "cased"])
def test_a_fresh_process_gives_the_same(servables, folder, name):
    here = servables[name].serve(tf.constant(TEXTS))
    with np.load(folder / f"{name}.npz", allow_pickle=True) as there:
        assert set(there.files) == set(here)
        for key, value in here.items():
            np.testing.assert_array_equal(there[key], value, err_msg=key)


@pytest.mark.parametrize("name", ["uncased", "cased"])
def test_two_custom_ops_and_no_resources(folder, name):
    """What the oldest TensorFlow Serving that we export for has linked in."""
    model = tf.saved_model.load(str(folder / name))
    graph = model.signatures["serving_default"].graph.as_graph_def()
    ops = {node.op for node in graph.node}
    ops |= {node.op for function in graph.library.function for node in function.node_def}
    custom = {op for op in ops if op.startswith(("Fast", "TFText", "Regex", "Wordpiece"))}
    assert custom == {"FastBertNormalize", "FastWordpieceTokenizeWithOffsets"}
    assert not {op for op in ops if "HashTable" in op or "PyFunc" in op or op == "VarHandleOp"}
