"""Worker: ONNX Runtime and tokenizers, in the peer's own environment."""

import json
import os
import pathlib
import time

import numpy as np
import onnxruntime
import tokenizers

from benchmarks.peers.servers import start_grpc
from benchmarks.peers.timed_batches import timed_batches
from benchmarks.peers.worker_loop import answer_requests

_NAMES = ("input_ids", "attention_mask", "token_type_ids")
_MAX_LENGTH = 512
_loaded = {}


def convert(folder: str) -> None:
    """Writes model.onnx, and int8.onnx with dynamic quantization, beside a transformers model."""
    import torch
    import transformers
    from onnxruntime.quantization import quantize_dynamic

    path = pathlib.Path(folder)
    if (path / "int8.onnx").exists():
        return
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, attn_implementation="eager"
    )

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask, token_type_ids):
            return self.model(input_ids, attention_mask, token_type_ids).logits

    ids = torch.ones(2, 16, dtype=torch.long)
    torch.onnx.export(
        Logits().eval(),
        (ids, ids, ids * 0),
        path / "model.onnx",
        input_names=list(_NAMES),
        output_names=["logits"],
        dynamic_axes={name: {0: "batch", 1: "length"} for name in _NAMES},
        opset_version=17,
        dynamo=False,
    )
    temporary = path / "temporary.onnx"
    quantize_dynamic(path / "model.onnx", temporary)
    os.replace(temporary, path / "int8.onnx")


def load(folder: str, precision: str = "float32") -> dict[str, float]:
    """Loads what `convert` wrote; precision is "float32" or "int8"."""
    path = pathlib.Path(folder)
    started = time.perf_counter()
    file = path / ("int8.onnx" if precision == "int8" else "model.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    _loaded["session"] = onnxruntime.InferenceSession(
        file, options, providers=["CPUExecutionProvider"]
    )
    tokenizer = tokenizers.BertWordPieceTokenizer(str(path / "vocab.txt"), lowercase=True)
    tokenizer.enable_truncation(_MAX_LENGTH)
    tokenizer.enable_padding()
    _loaded["tokenizer"] = tokenizer
    labels = json.loads((path / "config.json").read_text())["id2label"]
    _loaded["labels"] = [labels[str(number)] for number in range(len(labels))]
    return {"seconds": time.perf_counter() - started}


def predict(batches: list[list[str]], answers: bool = False) -> dict[str, object]:
    """Classifies batches of texts, each padded to its longest."""
    return timed_batches(classify, batches, answers)


def classify(batch: list[str]):
    """Returns the labels and the probabilities of texts."""
    encoded = _loaded["tokenizer"].encode_batch(batch)
    columns = (
        [one.ids for one in encoded],
        [one.attention_mask for one in encoded],
        [one.type_ids for one in encoded],
    )
    arrays = {name: np.array(rows, np.int64) for name, rows in zip(_NAMES, columns, strict=True)}
    logits = _loaded["session"].run(None, arrays)[0]
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    probabilities = exponentials / exponentials.sum(-1, keepdims=True)
    labels = [_loaded["labels"][index] for index in probabilities.argmax(-1).tolist()]
    return labels, probabilities.tolist()


def serve() -> int:
    """Starts a server; returns its port."""
    return start_grpc(classify)


if __name__ == "__main__":
    answer_requests({"convert": convert, "load": load, "predict": predict, "serve_grpc": serve})
