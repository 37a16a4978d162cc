"""Worker: updates of a BertForMaskedLM by PyTorch, on batches from a file."""

import contextlib

import numpy as np
import torch
import transformers

from benchmarks.peers.batch_file import read_batches
from benchmarks.peers.timed_batches import timed_calls
from benchmarks.peers.worker_loop import answer_requests

_IGNORED = -100  # transformers' label of tokens that are not to be predicted
_loaded: dict = {}


def load(
    folder: str, precision: str = "float32", tuned: bool = False, compiled: bool = False
) -> None:
    """Loads a folder.

    Args:
      folder: of a BertForMaskedLM.
      precision: "float32", or "bfloat16" by autocast.
      tuned: computes logits of masked tokens only, which the class does of all, and has the fused
        AdamW.
      compiled: whether torch.compile compiles the encoder.
    """
    model = transformers.BertForMaskedLM.from_pretrained(folder)
    _loaded["model"], _loaded["encoder"] = model, model.bert
    if compiled:
        _loaded["encoder"] = torch.compile(model.bert, dynamic=True)
    _loaded["optimizer"] = torch.optim.AdamW(
        model.parameters(), lr=1e-5, weight_decay=0.01, fused=tuned
    )
    _loaded["bfloat16"], _loaded["tuned"] = precision == "bfloat16", tuned


def loss(file: str) -> float:
    """Returns the mean loss of the first batch's masked tokens without dropout."""
    _loaded["model"].eval()
    with torch.inference_mode():
        return _loss(_inputs(read_batches(file)[0])).item()


def train(file: str) -> dict[str, list[float]]:
    """Makes an update with each batch of a file; returns how long each took."""
    model, optimizer = _loaded["model"].train(), _loaded["optimizer"]

    def update(inputs):
        value = _loss(inputs)
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        value.item()

    return timed_calls(update, [_inputs(batch) for batch in read_batches(file)])


def _inputs(batch: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Returns what the model takes, padded to the longest row, as its collator pads."""
    longest = int(batch["padding_mask"].sum(axis=1).max())
    labels = np.full(batch["token_ids"].shape, _IGNORED)
    row, place = np.nonzero(batch["mask_weights"])
    labels[row, batch["mask_positions"][row, place]] = batch["mask_labels"][row, place]
    columns = {
        "input_ids": batch["token_ids"],
        "attention_mask": batch["padding_mask"],
        "token_type_ids": batch["segment_ids"],
        "labels": labels,
    }
    return {
        name: torch.tensor(array[:, :longest], dtype=torch.long) for name, array in columns.items()
    }


def _loss(inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    model = _loaded["model"]
    with _precise():
        if not _loaded["tuned"]:
            return model(**inputs).loss
        labels = inputs["labels"].flatten()
        masked = (labels != _IGNORED).nonzero()[:, 0]
        columns = {name: value for name, value in inputs.items() if name != "labels"}
        hidden = _loaded["encoder"](**columns).last_hidden_state
        logits = model.cls(hidden.flatten(0, 1)[masked])
        return torch.nn.functional.cross_entropy(logits.float(), labels[masked])


def _precise():
    if _loaded["bfloat16"]:
        return torch.autocast("cpu", torch.bfloat16)
    return contextlib.nullcontext()


if __name__ == "__main__":
    answer_requests({"load": load, "loss": loss, "train": train})
