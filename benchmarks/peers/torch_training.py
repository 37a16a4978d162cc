"""Worker: updates of a classifier by PyTorch, as Hugging Face's Trainer makes them at its best."""

import contextlib

import torch
import transformers

from benchmarks.peers.timed_batches import timed_calls
from benchmarks.peers.worker_loop import answer_requests

_loaded: dict = {}


def load(folder: str, precision: str = "float32") -> None:
    """Loads a folder; precision is "float32", or "bfloat16" by autocast."""
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    _loaded["model"] = model
    _loaded["tokenizer"] = transformers.AutoTokenizer.from_pretrained(folder)
    _loaded["optimizer"] = torch.optim.AdamW(
        model.parameters(), lr=1e-5, weight_decay=0.01, fused=True
    )
    _loaded["bfloat16"] = precision == "bfloat16"


def loss(texts: list[str], labels: list[int]) -> float:
    """Returns the mean loss of a batch without dropout."""
    model = _loaded["model"].eval()
    with torch.inference_mode(), _precise():
        return model(**_inputs(texts), labels=torch.tensor(labels)).loss.item()


def train(batches: list[list], max_length: int) -> dict[str, list[float]]:
    """Makes an update with each batch [texts, labels]; returns how long each took."""
    model, optimizer = _loaded["model"].train(), _loaded["optimizer"]

    def update(inputs):
        with _precise():
            value = model(**inputs).loss
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        value.item()

    prepared = [{**_inputs(texts), "labels": torch.tensor(labels)} for texts, labels in batches]
    return timed_calls(update, prepared)


def _inputs(texts: list[str]):
    return _loaded["tokenizer"](texts, padding=True, truncation=True, return_tensors="pt")


def _precise():
    if _loaded["bfloat16"]:
        return torch.autocast("cpu", torch.bfloat16)
    return contextlib.nullcontext()


if __name__ == "__main__":
    answer_requests({"load": load, "loss": loss, "train": train})
