"""Takes given steps with a Hugging Face classifier. Runs in the peer's own environment.

    python benchmarks/peers/transformers_steps.py start SPEC.json FOLDER
    python benchmarks/peers/transformers_steps.py train SPEC.json RESULT.json

The first makes the classifier that both sides start from, the second takes the steps: plain torch
with the AdamW groups of the Trainer, the batches that the spec names, and no dropout.
"""

import json
import pathlib
import sys

import torch
import transformers


def start(spec: dict, folder: str) -> None:
    """Saves a classifier with a new head, and its tokenizer."""
    transformers.set_seed(spec["seed"])
    model = transformers.BertForSequenceClassification.from_pretrained(
        spec["model"],
        num_labels=len(spec["labels"]),
        id2label=dict(enumerate(spec["labels"])),
        label2id={label: number for number, label in enumerate(spec["labels"])},
    )
    model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(spec["model"]).save_pretrained(folder)


def train(spec: dict, result: str) -> None:
    """Writes the loss and the gradient norm of every step."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(spec["start"])
    model = transformers.BertForSequenceClassification.from_pretrained(
        spec["start"], hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    ).train()
    spared = ("bias", "LayerNorm.weight")
    groups = [
        {
            "params": [p for n, p in model.named_parameters() if n.endswith(spared) == is_spared],
            "weight_decay": 0.0 if is_spared else spec["weight_decay"],
        }
        for is_spared in (True, False)
    ]
    optimizer = torch.optim.AdamW(groups, lr=spec["learning_rate"], eps=spec["epsilon"])
    found = []
    for batch in spec["batches"]:
        inputs = tokenizer(
            [row["text"] for row in batch],
            [row["text_pair"] for row in batch] if "text_pair" in batch[0] else None,
            truncation=True,
            max_length=spec["max_length"],
            padding=True,
            return_tensors="pt",
        )
        targets = torch.tensor([spec["labels"].index(row["label"]) for row in batch])
        loss = model(**inputs, labels=targets).loss
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), spec["clip_norm"])
        optimizer.step()
        found.append({"loss": loss.item(), "gradient_norm": norm.item()})
    pathlib.Path(result).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    action, spec_file, output = sys.argv[1:]
    {"start": start, "train": train}[action](
        json.loads(pathlib.Path(spec_file).read_text()), output
    )
