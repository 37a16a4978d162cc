"""Trains several tasks on one encoder, and scores each on held-out rows.

  bertcls-multitask --config configs/questions_multitask.py --workdir runs/questions
  bertcls-multitask --config C --workdir W --config.sampling.kind=annealed
  bertcls-multitask --config C --workdir W '--config.tasks[0].loss_weight=2'

bertcls-evaluate and bertcls-predict take one of the tasks by --task; bertcls-export makes an export
with a signature for each. The same command again resumes a run that was stopped. Several devices or
machines:

  bertcls-multitask --config C --workdir W --strategy mirrored
  bertcls-launch --workers 2 -- bertcls-multitask --config C --workdir W

Exit codes: 0 done, 1 the input or the run is wrong, 2 the command line is wrong, 42 asked to stop
(SIGTERM) and saved, 75 another worker was lost; after 42 and 75 the same command resumes.
"""

from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.run_flags import define_run_flags, start_run
from keras_bert_cls.cli.score_table import print_scores
from keras_bert_cls.training.multitask_config import MultiTaskConfig

program = Program("bertcls-multitask", __doc__, config=MultiTaskConfig)
define_run_flags(program.flags)


def _run(_: list[str]) -> int:
    from keras_bert_cls.training.multitask import train_multitask

    result = start_run(program, train_multitask)
    if result is None:  # not the chief
        return 0
    print_scores(result.scores)
    print(f"\nthe model is in {program.flags.workdir}")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
