"""Pretraining with BERT's output layer and with an adaptive softmax: perplexity on held-out text.

  python -m benchmarks.adaptive_masked_lm_quality --text simplewiki_part.txt.xz \
      --vocabulary bert-base-uncased-vocab.txt --workdir runs/adaptive_lm

For each seed the same small encoder is pretrained on the same batches and masks: with the output
tied to the token embedding; with each set of cutoffs for as many steps; and with the first set for
as long as the tied one took. Perplexity is exp(loss) of masked tokens of the lines that follow in
the text. Prints a table and, as the last line, JSON. Finished runs in --workdir are not made again.
"""

import dataclasses
import itertools
import json
import math
import pathlib
import statistics

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.data.config import PretrainingData
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.training.adaptive_config import AdaptiveConfig
from keras_bert_cls.training.config import (
    OptimizerConfig,
    PretrainConfig,
    TokenizerConfig,
    TrainConfig,
)

program = Program("benchmarks.adaptive_masked_lm_quality", __doc__)
flags.DEFINE_string("text", None, "Text to train on.", required=True, flag_values=program.flags)
flags.DEFINE_string(
    "vocabulary", None, "A vocabulary file.", required=True, flag_values=program.flags
)
flags.DEFINE_string("workdir", None, "For the runs.", required=True, flag_values=program.flags)
flags.DEFINE_integer("lines", 60_000, "Lines to train on.", 1, flag_values=program.flags)
flags.DEFINE_integer("held_out", 3_000, "Lines to judge by.", 1, flag_values=program.flags)
flags.DEFINE_integer("hidden", 128, "Width of the encoder.", 4, flag_values=program.flags)
flags.DEFINE_integer("steps", 1000, "Training steps.", 50, flag_values=program.flags)
flags.DEFINE_integer("batch", 32, "Sequences of a batch.", 1, flag_values=program.flags)
flags.DEFINE_integer("length", 64, "Tokens of a sequence.", 8, flag_values=program.flags)
flags.DEFINE_float("learning_rate", 2e-3, "The highest.", flag_values=program.flags)
flags.DEFINE_multi_string(
    "cutoffs",
    ["auto"],
    "Such as 2000,10000; auto: by the cost model. Repeat to try several.",
    flag_values=program.flags,
)
flags.DEFINE_list("seeds", ["0", "1"], "Of weights, batches, masks.", flag_values=program.flags)

_LOG_EVERY = 50


@dataclasses.dataclass
class _Result:
    """Of one run: which output layer, for how long, and how good."""

    name: str
    seed: int
    steps: int
    seconds: float
    perplexity: float
    accuracy: float


def _run(_) -> None:
    settings = program.flags
    data = _data(pathlib.Path(settings.workdir))
    results: list[_Result] = []
    for seed in map(int, settings.seeds):
        tied = _measure(data, seed, settings.steps, None, "tied")
        results.append(tied)
        for number, cutoffs in enumerate(settings.cutoffs):
            equal = _measure(data, seed, settings.steps, cutoffs, cutoffs)
            results.append(equal)
            if not number:
                steps = round(settings.steps * tied.seconds / equal.seconds / _LOG_EVERY)
                longer = _measure(data, seed, steps * _LOG_EVERY, cutoffs, f"{cutoffs}, as long")
                results.append(longer)
    _print(results)


def _data(workdir: pathlib.Path) -> PretrainingData:
    """Writes the lines to train on and to judge by, and packs the former, once."""
    from keras_bert_cls.data.documents import iterate_documents
    from keras_bert_cls.data.pack import pack
    from keras_bert_cls.text.tokenizer import Tokenizer

    settings = program.flags
    train, held_out = workdir / "train.txt", workdir / "held_out.txt"
    if not held_out.exists():
        workdir.mkdir(parents=True, exist_ok=True)
        documents = iterate_documents([settings.text])
        lines = (f"{line}\n" for document in documents for line in ["", *document.lines])
        for path, count in ((train, settings.lines), (held_out, settings.held_out)):
            path.write_text("".join(itertools.islice(lines, count)), encoding="utf-8")
    data = PretrainingData(files=(str(train),), max_length=settings.length)
    pack(workdir / "packed", data, Tokenizer.from_vocab(settings.vocabulary))
    return dataclasses.replace(
        data, files=(), packed=str(workdir / "packed"), dev_files=(str(held_out),)
    )


def _measure(
    data: PretrainingData, seed: int, steps: int, cutoffs: str | None, name: str
) -> _Result:
    """Trains a model, unless it is there; cutoffs None is the tied output."""
    from keras_bert_cls.training.pretrain import pretrain

    folder = pathlib.Path(program.flags.workdir) / f"{name.replace(', as long', '-long')}-{seed}"
    pretrain(_config(data, seed, steps, cutoffs), folder, print)
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    # The first lines have the time to make the graph in them; the median is that of a step.
    train = [line for line in lines if line["kind"] == "train"]
    per_step = statistics.median(line["step_seconds"] for line in train)
    dev = [line for line in lines if line["kind"] == "dev"][-1]
    return _Result(
        name, seed, steps, per_step * steps, math.exp(dev["loss"]), dev["masked_accuracy"]
    )


def _config(data: PretrainingData, seed: int, steps: int, cutoffs: str | None) -> PretrainConfig:
    settings = program.flags
    chosen = () if cutoffs in (None, "auto") else tuple(map(int, str(cutoffs).split(",")))
    return PretrainConfig(
        seed=seed,
        tokenizer=TokenizerConfig(vocabulary=settings.vocabulary),
        data=data,
        encoder=EncoderConfig(
            hidden_dim=settings.hidden,
            num_layers=2,
            num_heads=max(1, settings.hidden // 64),
            intermediate_dim=4 * settings.hidden,
            max_sequence_length=settings.length,
            dropout=0.0,
            attention_dropout=0.0,
        ),
        output="tied" if cutoffs is None else "adaptive",
        adaptive=AdaptiveConfig(chosen),
        optimizer=OptimizerConfig(learning_rate=settings.learning_rate),
        train=TrainConfig(
            steps=steps,
            batch_size=settings.batch,
            steps_per_call=_LOG_EVERY,
            log_every=_LOG_EVERY,
            eval_every=steps,
            checkpoint_every=steps,
        ),
    )


def _print(results: list[_Result]) -> None:
    print("| output | steps | training s | perplexity | least to most | accuracy | to tied |")
    print(f"|{'---|' * 7}")
    groups: dict[str, list[_Result]] = {}
    for result in results:
        groups.setdefault(result.name, []).append(result)
    for name, group in groups.items():
        found = [result.perplexity for result in group]
        ratios = [
            result.perplexity / tied.perplexity - 1
            for result, tied in zip(group, groups["tied"], strict=True)
        ]
        print(
            f"| {name} | {statistics.mean(r.steps for r in group):,.0f} | "
            f"{statistics.mean(r.seconds for r in group):,.0f} | {statistics.mean(found):.2f} | "
            f"{min(found):.2f} to {max(found):.2f} | "
            f"{statistics.mean(r.accuracy for r in group):.4f} | "
            f"{min(ratios):+.2%} to {max(ratios):+.2%} |"
        )
    names = ("lines", "held_out", "hidden", "steps", "batch", "length", "learning_rate", "seeds")
    settings = {name: program.flags[name].value for name in names}
    print(json.dumps({**settings, "results": [dataclasses.asdict(r) for r in results]}))


def main(argv=None) -> int:
    """Runs the program; returns the exit code."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
