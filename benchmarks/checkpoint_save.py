"""What a save costs the training loop.

Pretrains a masked-language model on made-up batches, with the training loop and AdamW. Times of
some steps with a save before them are compared with the steps without, in turns; and with a save
that is waited for. Prints a table and a JSON line; takes about a minute on two cores.

    python -m benchmarks.checkpoint_save
"""

import dataclasses
import json
import pathlib
import statistics
import tempfile
import time

from absl import flags

from keras_bert_cls.cli.program import Program

program = Program("benchmarks.checkpoint_save", __doc__)
_LAYERS = flags.DEFINE_integer(
    "layers", 6, "Blocks of the encoder, 512 wide.", lower_bound=1, flag_values=program.flags
)
_ROWS = flags.DEFINE_integer(
    "rows", 8, "Rows of a batch, 64 tokens each.", lower_bound=1, flag_values=program.flags
)
_STEPS = flags.DEFINE_integer(
    "steps", 4, "Steps that are timed together.", lower_bound=1, flag_values=program.flags
)
_ROUNDS = flags.DEFINE_integer(
    "rounds", 3, "How often all is timed.", lower_bound=1, flag_values=program.flags
)
_EVERY = flags.DEFINE_integer(
    "every", 100, "Steps between saves, for the shares.", lower_bound=1, flag_values=program.flags
)

_VOCABULARY, _WIDTH, _LENGTH, _MASKS = 21_128, 512, 64, 10


@dataclasses.dataclass
class SaveCost:
    """Medians over the rounds.

    Attributes:
      parameters: of the model.
      megabytes: of a checkpoint.
      step_seconds: a step without a save.
      blocked_seconds: how long `save` keeps the loop.
      slowed_seconds: how much longer the steps after a save take together, while it is written;
        less than 0 where other programs on the machine disturb more than the save does.
      waited_seconds: `save` and `wait`.
      share: of the loop's time that saves take.
      waited_share: the same if each save is waited for.
    """

    parameters: int
    megabytes: float
    step_seconds: float
    blocked_seconds: float
    slowed_seconds: float
    waited_seconds: float
    share: float = 0.0
    waited_share: float = 0.0

    def set_shares(self, every: int) -> None:
        """Sets the shares, with a save every so many steps."""
        lost = self.blocked_seconds + self.slowed_seconds
        self.share = lost / (every * self.step_seconds + lost)
        self.waited_share = self.waited_seconds / (every * self.step_seconds + self.waited_seconds)


def _run(_) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cost = _measure(pathlib.Path(folder))
    every = program.flags.every
    cost.set_shares(every)
    for name, value in (
        ("parameters", f"{cost.parameters:,}"),
        ("checkpoint", f"{cost.megabytes:,.0f} MB"),
        ("step", f"{cost.step_seconds:.3f} s"),
        ("save: the loop is kept for", f"{cost.blocked_seconds:.3f} s"),
        ("save: steps while it is written take longer by", f"{cost.slowed_seconds:.3f} s"),
        ("save, waited for", f"{cost.waited_seconds:.3f} s"),
        (f"share of the loop, every {every} steps", f"{cost.share:.2%}"),
        (f"share of the loop, every {every} steps, waited for", f"{cost.waited_share:.2%}"),
    ):
        print(f"{name:<52}{value:>12}")
    print(json.dumps(dataclasses.asdict(cost)))


def _measure(folder: pathlib.Path) -> SaveCost:
    from keras_bert_cls.training.checkpoints import Checkpoints, Progress

    model, loop = _model_and_loop()
    batches, steps, rounds = _batches(), program.flags.steps, program.flags.rounds
    weights = {variable.path: variable.value for variable in model.trainable_variables}
    checkpoints = Checkpoints(folder, {"weights": weights, **loop.state})

    def save() -> None:
        checkpoints.save(Progress(int(loop.step)))

    def save_and_wait() -> None:
        save()
        checkpoints.wait()

    loop.run(batches, steps)  # traces
    save_and_wait()
    plain, saving, blocked, waited = [], [], [], []
    for _ in range(rounds):
        plain.append(_seconds(lambda: loop.run(batches, steps)))
        blocked.append(_seconds(save))
        saving.append(_seconds(lambda: loop.run(batches, steps)))
        checkpoints.wait()
        waited.append(_seconds(save_and_wait))
    newest = checkpoints.newest()
    checkpoints.close()
    assert newest is not None
    median = statistics.median
    return SaveCost(
        parameters=model.count_params(),
        megabytes=sum(path.stat().st_size for path in newest.iterdir()) / 1e6,
        step_seconds=median(plain) / steps,
        blocked_seconds=median(blocked),
        slowed_seconds=median(b - a for a, b in zip(plain, saving, strict=True)),
        waited_seconds=median(waited),
    )


def _seconds(function) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _model_and_loop():
    import tensorflow as tf

    from keras_bert_cls.modeling.config import EncoderConfig
    from keras_bert_cls.modeling.models import masked_lm_model
    from keras_bert_cls.training.adamw import AdamW
    from keras_bert_cls.training.loop import TrainingLoop
    from keras_bert_cls.training.objectives import MaskedLMObjective
    from keras_bert_cls.training.parameter_rules import ParameterRule
    from keras_bert_cls.training.schedules import learning_rate_schedule

    config = EncoderConfig(
        vocabulary_size=_VOCABULARY,
        hidden_dim=_WIDTH,
        num_layers=program.flags.layers,
        num_heads=_WIDTH // 64,
        intermediate_dim=4 * _WIDTH,
        max_sequence_length=_LENGTH,
    )
    model = masked_lm_model(config)
    variables = model.trainable_variables
    optimizer = AdamW(variables, [ParameterRule("", 1.0, 0.01)] * len(variables))
    schedule = learning_rate_schedule("constant", 1e-4, 1000, 0.1)
    loop = TrainingLoop(
        tf.distribute.get_strategy(), model, optimizer, MaskedLMObjective(), schedule
    )
    return model, loop


def _batches():
    import numpy as np
    import tensorflow as tf

    random, rows = np.random.default_rng(0), program.flags.rows
    positions = [random.choice(_LENGTH, _MASKS, replace=False) for _ in range(rows)]
    batch = {
        "token_ids": random.integers(5, _VOCABULARY, (rows, _LENGTH), dtype=np.int32),
        "segment_ids": np.zeros((rows, _LENGTH), np.int32),
        "padding_mask": np.ones((rows, _LENGTH), np.int32),
        "mask_positions": np.sort(positions).astype(np.int32),
        "mask_labels": random.integers(5, _VOCABULARY, (rows, _MASKS), dtype=np.int32),
        "mask_weights": np.ones((rows, _MASKS), np.float32),
        "sample_weight": np.ones(rows, np.float32),
    }
    return iter(tf.data.Dataset.from_tensors(batch).repeat())


def main(argv=None) -> int:
    """Runs the program; returns the exit code."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
