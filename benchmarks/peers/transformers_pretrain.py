"""Pretrains a BERT with PyTorch and transformers, for as many minutes as there are.

    python benchmarks/peers/transformers_pretrain.py --tokens runs/zh_tokens.npy.xz \
        --vocabulary VOCAB.txt --output runs/zh_encoder_hf --minutes 7

For a machine with a GPU and no TensorFlow; bertcls-import takes the result. Tokens are those of
benchmarks.pretraining_tokens. Masked LM on sequences cut anew from the text in every pass, 15 % of
the tokens in spans of one to three (as whole words are in Chinese; Joshi et al. 2019,
https://arxiv.org/abs/1907.10529), no padding, no dropout, bfloat16. The learning rate follows the
clock: it rises in the first part of the minutes and is 0 at their end. Runs in the peer's own
environment; the output is a Hugging Face folder with float16 weights and pretraining.json.
"""

import argparse
import json
import lzma
import math
import pathlib
import time

import numpy as np
import torch
import transformers

_START = time.monotonic()
_RATE, _SPAN_SHARES = 0.15, (0.4, 0.4, 0.2)
_HELD_OUT = 2048  # sequences, from the end of the first tenth


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", required=True, help=".npy or .npy.xz, uint16")
    parser.add_argument("--vocabulary", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--minutes", type=float, default=7.0, help="from the program's start")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--batch", type=int, default=512, help="sequences")
    parser.add_argument("--learning_rate", type=float, default=1e-3)
    parser.add_argument("--warmup", type=float, default=0.05, help="share of the minutes")
    parser.add_argument("--weight_decay", type=float, default=0.01)
    parser.add_argument("--log_every", type=int, default=100)
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


class Sequences:
    """[CLS] text [SEP], cut from one array of tokens that lies on the device.

    Attributes:
      held_out: int64 [sequences, length], of text that training does not see.
    """

    def __init__(self, tokens: np.ndarray, vocabulary: dict[str, int], length: int, device):
        self._device, self._inner = device, length - 2
        self._ends = [vocabulary["[CLS]"], vocabulary["[SEP]"]]
        count = min(_HELD_OUT, len(tokens) // 20 // self._inner)
        cut = len(tokens) // 10
        stop = cut + count * self._inner
        all_ids = torch.from_numpy(tokens.astype(np.int32)).to(device)
        self._tokens = torch.cat([all_ids[:cut], all_ids[stop:]])
        rows = all_ids[cut:stop].view(count, self._inner)
        self.held_out = self._framed(rows)
        self._random = torch.Generator(device="cpu").manual_seed(0)

    def batches(self, size: int, seed: int):
        """Yields int64 [size, length] without end; each pass cuts the text at other places."""
        self._random.manual_seed(seed)
        within = torch.arange(self._inner, device=self._device)
        while True:
            shift = int(torch.randint(self._inner, (), generator=self._random))
            count = (len(self._tokens) - shift) // self._inner
            order = torch.randperm(count, generator=self._random).to(self._device)
            for start in range(0, count - size + 1, size):
                first = order[start : start + size] * self._inner + shift
                yield self._framed(self._tokens[first[:, None] + within])

    def _framed(self, rows: torch.Tensor) -> torch.Tensor:
        first, last = (
            torch.full((len(rows), 1), end, dtype=rows.dtype, device=self._device)
            for end in self._ends
        )
        return torch.cat([first, rows, last], 1).long()


class Masking:
    """Chooses spans; 80 % of them become [MASK], 10 % random tokens, the rest stay."""

    def __init__(self, vocabulary: dict[str, int]):
        self._mask, self._size = vocabulary["[MASK]"], len(vocabulary)
        self._spared = [vocabulary[name] for name in ("[CLS]", "[SEP]", "[PAD]")]
        mean = sum(share * length for length, share in enumerate(_SPAN_SHARES, 1))
        self._start_rate = -math.log(1 - _RATE) / mean  # overlaps are allowed for

    def __call__(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the masked ids and the flat places of what is to be predicted."""
        draw = torch.rand(ids.shape, device=ids.device) / self._start_rate
        # Below the share of spans longer than n, a start covers the nth token after it, too.
        chosen, longer = draw < 1, 1.0
        for after, share in enumerate(_SPAN_SHARES[:-1], 1):
            longer -= share
            chosen[:, after:] |= draw[:, :-after] < longer
        for token in self._spared:
            chosen &= ids != token
        kind = torch.rand(ids.shape, device=ids.device)
        other = torch.randint(self._size, ids.shape, device=ids.device)
        masked = torch.where(chosen & (kind < 0.8), self._mask, ids)
        masked = torch.where(chosen & (kind >= 0.9), other, masked)
        return masked, chosen.flatten().nonzero()[:, 0]


def build_model(args, vocabulary: dict[str, int]) -> transformers.BertForMaskedLM:
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=args.hidden,
        num_hidden_layers=args.layers,
        num_attention_heads=args.heads,
        intermediate_size=4 * args.hidden,
        max_position_embeddings=args.length,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=vocabulary["[PAD]"],
    )
    return transformers.BertForMaskedLM._from_config(config, attn_implementation="sdpa")


def build_optimizer(model, args) -> torch.optim.Optimizer:
    spared = [p for p in model.parameters() if p.ndim < 2]
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    groups = [
        {"params": decayed, "weight_decay": args.weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    fused = next(model.parameters()).is_cuda
    return torch.optim.AdamW(
        groups, lr=args.learning_rate, betas=(0.9, 0.98), eps=1e-6, fused=fused
    )


def make_score(model, encoder, masking: Masking, device):
    """Returns what masks sequences and returns their loss and the share guessed right."""

    def score(ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        masked, places = masking(ids)
        with torch.autocast(device.type, torch.bfloat16):
            hidden = encoder(masked).last_hidden_state
            logits = model.cls(hidden.reshape(-1, hidden.shape[-1])[places])
        targets = ids.flatten()[places]
        loss = torch.nn.functional.cross_entropy(logits.float(), targets)
        return loss, (logits.argmax(-1) == targets).float().mean()

    return score


def train(args, model, sequences: Sequences, masking: Masking, device) -> dict:
    """Trains until the minutes are over; returns what came of it."""
    optimizer = build_optimizer(model, args)
    encoder = model.bert if args.eager else torch.compile(model.bert)
    budget = 60 * args.minutes
    steps, log, began = 0, [], None
    for ids in sequences.batches(args.batch, args.seed):
        done = (time.monotonic() - _START) / budget
        if done >= 1:
            break
        rate = args.learning_rate * min(done / args.warmup, (1 - done) / (1 - args.warmup))
        for group in optimizer.param_groups:
            group["lr"] = rate
        try:
            loss, right = make_score(model, encoder, masking, device)(ids)
            loss.backward()
        except Exception as error:
            if steps or encoder is model.bert:
                raise
            print(f"not compiled: {type(error).__name__}: {str(error)[:300]}", flush=True)
            encoder = model.bert
            optimizer.zero_grad()
            continue
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        steps += 1
        if steps % args.log_every == 0 or steps == 1:
            line = {"step": steps, "loss": loss.item(), "accuracy": right.item()}
            line["seconds"] = time.monotonic() - _START
            began = began or (steps, line["seconds"])
            print(json.dumps(line), flush=True)
            log.append(line)
    seconds = time.monotonic() - _START
    speed = (steps - began[0]) * args.batch * args.length / (seconds - began[1])
    return {"steps": steps, "seconds": seconds, "tokens_per_second": speed, "log": log}


@torch.no_grad()
def held_out_scores(model, sequences: Sequences, masking: Masking, args, device) -> dict:
    torch.manual_seed(1)
    score = make_score(model, model.bert, masking, device)
    rows = [torch.stack(score(ids)) for ids in sequences.held_out.split(args.batch)]
    loss, accuracy = torch.stack(rows).mean(0).tolist()
    return {"held_out_loss": loss, "held_out_accuracy": accuracy}


def save(model, vocabulary_file: pathlib.Path, output: pathlib.Path, report: dict) -> None:
    output.mkdir(parents=True, exist_ok=True)
    # Fine-tuning takes the usual dropout.
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.1
    model.half().save_pretrained(output)
    (output / "vocab.txt").write_bytes(vocabulary_file.read_bytes())
    settings = {"do_lower_case": True, "tokenizer_class": "BertTokenizer"}
    (output / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    (output / "pretraining.json").write_text(json.dumps(report, indent=1), encoding="utf-8")


def main() -> None:
    args = arguments()
    torch.manual_seed(args.seed)
    torch.set_float32_matmul_precision("high")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    path = pathlib.Path(args.tokens)
    with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as stream:
        tokens = np.load(stream)
    vocabulary_file = pathlib.Path(args.vocabulary)
    names = vocabulary_file.read_text(encoding="utf-8").rstrip("\n").split("\n")
    vocabulary = {name: number for number, name in enumerate(names)}
    sequences = Sequences(tokens, vocabulary, args.length, device)
    masking = Masking(vocabulary)
    model = build_model(args, vocabulary).to(device).train()
    report = {
        **vars(args),
        "tokens_in_all": len(tokens),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    report |= train(args, model, sequences, masking, device)
    report |= held_out_scores(model.eval(), sequences, masking, args, device)
    save(model, vocabulary_file, pathlib.Path(args.output), report)
    print(json.dumps({name: value for name, value in report.items() if name != "log"}))


if __name__ == "__main__":
    main()
