"""Fine-tunes a classifier with Hugging Face's Trainer. Runs in the peer's own environment.

    python benchmarks/peers/transformers_finetune.py SPEC.json RESULT.json

The spec names the data and the hyper-parameters (see benchmarks/parity_runs.py, which writes it);
the result holds test accuracy, macro F1 and the seconds of a step.
"""

import json
import pathlib
import sys
import time

import numpy as np
import torch
import transformers


def main(spec_file: str, result_file: str) -> None:
    spec = json.loads(pathlib.Path(spec_file).read_text(encoding="utf-8"))
    transformers.set_seed(spec["seed"])
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    tokenizer = transformers.AutoTokenizer.from_pretrained(spec["model"])
    train, test = (_read(spec[f"{split}_file"]) for split in ("train", "test"))
    labels = sorted({row["label"] for row in train})
    model = transformers.BertForSequenceClassification.from_pretrained(
        spec["model"], num_labels=len(labels), **_dropout(spec)
    )
    trainer = _Trainer(
        model,
        _arguments(spec),
        train_dataset=_encode(train, labels, tokenizer, spec["max_length"]),
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
    )
    trainer.batches, trainer.warmup = _batches(spec["order_file"]), spec["warmup_steps"]
    clock = _Clock()
    trainer.add_callback(clock)
    trainer.train()
    # The Trainer may group these rows by length and answer in that order.
    answers = trainer.predict(_encode(test, labels, tokenizer, spec["max_length"]))
    predicted, targets = answers.predictions.argmax(-1), answers.label_ids
    result = {
        "accuracy": float((predicted == targets).mean()),
        "macro_f1": _macro_f1(predicted, targets),
        "seconds_per_step": clock.seconds_per_step(),
        "device": str(model.device),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }
    pathlib.Path(result_file).write_text(json.dumps(result), encoding="utf-8")


def _dropout(spec: dict) -> dict[str, float]:
    if spec["dropout"]:
        return {}
    names = ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout")
    return dict.fromkeys(names, 0.0)


def _arguments(spec: dict) -> transformers.TrainingArguments:
    return transformers.TrainingArguments(
        output_dir=spec["scratch"],
        use_cpu=spec["device"] == "cpu",
        bf16=spec["bf16"],
        max_steps=spec["steps"],
        per_device_train_batch_size=spec["batch_size"],
        per_device_eval_batch_size=64,
        learning_rate=spec["learning_rate"],
        lr_scheduler_type="linear",
        warmup_steps=spec["warmup_steps"],
        weight_decay=spec["weight_decay"],
        adam_epsilon=spec["epsilon"],
        max_grad_norm=spec["clip_norm"],
        train_sampling_strategy="group_by_length",
        seed=spec["seed"],
        save_strategy="no",
        report_to=[],
        logging_steps=100,
        dataloader_pin_memory=False,
        disable_tqdm=True,
    )


class _Trainer(transformers.Trainer):
    """Hugging Face's Trainer, that can be told its batches.

    Attributes:
      batches: rows of each step's batch; None for the Trainer's own choice.
      warmup: steps in which the learning rate rises, where `batches` are given: then every step
        learns. The Trainer's own schedule is one step late: its first step has the rate 0.
    """

    batches: list[list[int]] | None = None
    warmup = 0

    def get_train_dataloader(self) -> torch.utils.data.DataLoader:
        if self.batches is None:
            return super().get_train_dataloader()
        return torch.utils.data.DataLoader(
            self.train_dataset, batch_sampler=self.batches, collate_fn=self.data_collator
        )

    def create_scheduler(self, num_training_steps: int, optimizer=None):
        if self.batches is None:
            return super().create_scheduler(num_training_steps, optimizer)
        warmup, falling = max(1, self.warmup), num_training_steps - max(1, self.warmup) + 1

        def share(step: int) -> float:
            return min((step + 1) / warmup, 1 - max(0, step + 1 - warmup) / falling)

        optimizer = optimizer or self.optimizer
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
        return self.lr_scheduler


class _Clock(transformers.TrainerCallback):
    """Times the steps from the tenth on, when all is warm."""

    def __init__(self):
        self._times = []

    def on_step_end(self, args, state, control, **kwargs):
        self._times.append(time.perf_counter())

    def seconds_per_step(self) -> float:
        times = self._times[9:]
        return (times[-1] - times[0]) / (len(times) - 1)


def _batches(order_file: str) -> list[list[int]] | None:
    if not order_file:
        return None
    order = np.load(order_file)
    return [rows.tolist() for rows in np.split(order["rows"], np.cumsum(order["sizes"])[:-1])]


def _read(file: str) -> list[dict[str, str]]:
    header, *lines = pathlib.Path(file).read_text(encoding="utf-8").rstrip("\n").split("\n")
    names = header.split("\t")
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines]


def _encode(rows, labels, tokenizer, max_length) -> list[dict]:
    texts = [row["text"] for row in rows]
    pairs = [row["text_pair"] for row in rows] if "text_pair" in rows[0] else None
    encoded = tokenizer(texts, pairs, truncation=True, max_length=max_length)
    names = [name for name in ("input_ids", "token_type_ids", "attention_mask") if name in encoded]
    return [
        {**{name: encoded[name][i] for name in names}, "labels": labels.index(row["label"])}
        for i, row in enumerate(rows)
    ]


def _macro_f1(predicted: np.ndarray, targets: np.ndarray) -> float:
    scores = []
    for label in np.unique(np.concatenate([predicted, targets])):
        hits = np.sum((predicted == label) & (targets == label))
        scores.append(2 * hits / (np.sum(predicted == label) + np.sum(targets == label)))
    return float(np.mean(scores))


if __name__ == "__main__":
    main(*sys.argv[1:])
