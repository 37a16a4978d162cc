"""Worker: transformers on PyTorch, in the peer's own environment."""

import contextlib
import time

import torch
import transformers

from benchmarks.peers.servers import start_http
from benchmarks.peers.timed_batches import timed_batches
from benchmarks.peers.worker_loop import answer_requests

_loaded = {}


def load(folder: str, precision: str = "float32", compiled: bool = False) -> dict[str, float]:
    """Loads a folder.

    Args:
      folder: of a BertForSequenceClassification.
      precision: "float32", or "bfloat16" by autocast.
      compiled: whether torch.compile compiles the model.
    """
    started = time.perf_counter()
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    _loaded["tokenizer"] = transformers.AutoTokenizer.from_pretrained(folder)
    _loaded["labels"] = model.config.id2label
    _loaded["model"] = torch.compile(model, dynamic=True) if compiled else model
    _loaded["bfloat16"] = precision == "bfloat16"
    return {"seconds": time.perf_counter() - started}


def predict(batches: list[list[str]], answers: bool = False) -> dict[str, object]:
    """Classifies batches of texts, each padded to its longest."""
    return timed_batches(classify, batches, answers)


def classify(batch: list[str]):
    """Returns the labels and the probabilities of texts."""
    inputs = _loaded["tokenizer"](batch, padding=True, truncation=True, return_tensors="pt")
    precise = contextlib.nullcontext()
    if _loaded["bfloat16"]:
        precise = torch.autocast("cpu", torch.bfloat16)
    with torch.inference_mode(), precise:
        logits = _loaded["model"](**inputs).logits.float()
    probabilities = logits.softmax(-1)
    labels = [_loaded["labels"][index] for index in probabilities.argmax(-1).tolist()]
    return labels, probabilities.tolist()


def serve() -> int:
    """Starts a server; returns its port."""
    return start_http(classify)


if __name__ == "__main__":
    answer_requests({"load": load, "predict": predict, "serve_http": serve})
