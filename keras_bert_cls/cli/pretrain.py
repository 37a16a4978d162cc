"""Pretrains a masked language model on unlabelled text.

  bertcls-pretrain --config configs/demo_pretrain.py --workdir runs/pretrain
  bertcls-pretrain --config configs/demo_pretrain.py --workdir runs/p2 --config.train.steps=500

The same command again resumes a run that was stopped. Several devices or machines:

  bertcls-pretrain --config C --workdir W --strategy mirrored
  bertcls-launch --workers 2 -- bertcls-pretrain --config C --workdir W

Exit codes: 0 done, 1 the input or the run is wrong, 2 the command line is wrong, 42 asked to stop
(SIGTERM) and saved, 75 another worker was lost; after 42 and 75 the same command resumes.
"""

from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.run_flags import define_run_flags, start_run
from keras_bert_cls.training.config import PretrainConfig

program = Program("bertcls-pretrain", __doc__, config=PretrainConfig)
define_run_flags(program.flags)


def _run(_: list[str]) -> int:
    from keras_bert_cls.training.pretrain import pretrain

    if start_run(program, pretrain) is not None:
        print(f"the pretrained model is in {program.flags.workdir}")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
