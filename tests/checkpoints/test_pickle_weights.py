"""pytorch_model.bin: tensors, and nothing else."""

import os
import sys

import numpy as np
import pytest
from random_bert import huggingface_weights, random_weights

from keras_bert_cls.checkpoints.huggingface_weights import read_tensors
from keras_bert_cls.errors import UserError


class Harmful:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_tensors(tmp_path):
    torch = pytest.importorskip("torch")
    expected = huggingface_weights(random_weights())
    state = {name: torch.tensor(value).bfloat16() for name, value in expected.items()}
    torch.save(state, tmp_path / "pytorch_model.bin")
    tensors = read_tensors(tmp_path, allow_pickle_weights=True)
    assert tensors.keys() == expected.keys()
    for name, value in expected.items():
        assert tensors[name].shape == value.shape
        np.testing.assert_allclose(tensors[name].values(), value, rtol=2**-8)


def test_code_is_not_run(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"x": Harmful(tmp_path / "made")}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="could not be read as tensors only"):
        read_tensors(tmp_path, allow_pickle_weights=True)
    assert not (tmp_path / "made").exists()


def test_without_torch(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(UserError, match="needs PyTorch: pip install torch"):
        read_tensors(tmp_path, allow_pickle_weights=True)
