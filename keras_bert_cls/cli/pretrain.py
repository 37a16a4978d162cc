"""Pretrains a masked language model on unlabelled text.

  bertcls-pretrain --config configs/demo_pretrain.py --workdir runs/pretrain
  bertcls-pretrain --config configs/demo_pretrain.py --workdir runs/p2 --config.train.steps=500

The same command again resumes a run that was stopped.
"""

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.training.config import PretrainConfig

program = Program("bertcls-pretrain", __doc__, config=PretrainConfig)
_WORKDIR = flags.DEFINE_string(
    "workdir",
    None,
    "Folder of the run: checkpoints, metrics, model.",
    required=True,
    flag_values=program.flags,
)


def _run(_: list[str]) -> int:
    from keras_bert_cls.training.pretrain import pretrain

    pretrain(program.config, _WORKDIR.value, report=print)
    print(f"the pretrained model is in {_WORKDIR.value}")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
