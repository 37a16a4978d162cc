"""Fine-tunes a classifier on labelled text and scores it on held-out rows.

  bertcls-finetune --config configs/demo_finetune.py --workdir runs/finetune
  bertcls-finetune --config configs/demo_finetune.py --workdir runs/f2 --config.train.epochs=2

The same command again resumes a run that was stopped. Several devices or machines:

  bertcls-finetune --config C --workdir W --strategy mirrored
  bertcls-launch --workers 2 -- bertcls-finetune --config C --workdir W

Exit codes: 0 done, 1 the input or the run is wrong, 2 the command line is wrong, 42 asked to stop
(SIGTERM) and saved, 75 another worker was lost; after 42 and 75 the same command resumes.
"""

from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.run_flags import define_run_flags, start_run
from keras_bert_cls.cli.score_table import print_before, print_scores
from keras_bert_cls.training.config import FinetuneConfig

program = Program("bertcls-finetune", __doc__, config=FinetuneConfig)
define_run_flags(program.flags)


def _run(_: list[str]) -> int:
    from keras_bert_cls.training.finetune import finetune

    result = start_run(program, finetune)
    if result is None:  # not the chief
        return 0
    print_scores(result.scores)
    print_before(result.before, result.scores, program.config.classes.focus_classes)
    print(f"\nthe fine-tuned model is in {program.flags.workdir}")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
