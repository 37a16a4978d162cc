"""Trains a model that writes a text for a text, and scores it on held-out rows.

  bertcls-seq2seq --config configs/seq2seq_reverse.py --workdir runs/reverse
  bertcls-seq2seq --config C --workdir W --config.generation.method=beam

The rows have a text and a target. bertcls-transduce writes with the finished model, bertcls-export
makes an export with the signature `generate` of it. The same command again resumes a run that was
stopped. Several devices or machines:

  bertcls-seq2seq --config C --workdir W --strategy mirrored
  bertcls-launch --workers 2 -- bertcls-seq2seq --config C --workdir W

Exit codes: 0 done, 1 the input or the run is wrong, 2 the command line is wrong, 42 asked to stop
(SIGTERM) and saved, 75 another worker was lost; after 42 and 75 the same command resumes.
"""

from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.run_flags import define_run_flags, start_run
from keras_bert_cls.cli.score_table import print_scores
from keras_bert_cls.training.config import Seq2SeqConfig

program = Program("bertcls-seq2seq", __doc__, config=Seq2SeqConfig)
define_run_flags(program.flags)


def _run(_: list[str]) -> int:
    from keras_bert_cls.training.seq2seq import train_seq2seq

    result = start_run(program, train_seq2seq)
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
