"""Makes a model of ours from a pretrained or fine-tuned BERT of another library.

  bertcls-import --source bert-base-chinese --output runs/base
  bertcls-import --source downloads/uncased_L-12_H-768_A-12 --output runs/base
  bertcls-import --from keras_nlp --source classifier.keras --labels bad,good --output runs/reviews

SOURCE is a Hugging Face folder or name (model.safetensors, config.json, vocab.txt), a checkpoint of
google-research/bert (bert_model.ckpt.*, bert_config.json, vocab.txt), or a keras-nlp preset or
.keras file. Every tensor is used or left out for a stated reason; otherwise nothing is written.

OUTPUT is like the --workdir of a finished run: configs take it as init_from (SOURCE as well), and a
classifier can be evaluated, exported and served.
"""

from collections.abc import Sequence

from absl import flags

from keras_bert_cls.cli.program import Program

program = Program("bertcls-import", __doc__)

_SOURCE = flags.DEFINE_string(
    "source",
    None,
    "A folder, a file, or a name on the Hugging Face hub.",
    flag_values=program.flags,
    required=True,
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "The folder to make.", flag_values=program.flags, required=True
)
_FORMAT = flags.DEFINE_enum(
    "from",
    "auto",
    ["hf", "google", "keras_nlp", "auto"],
    "What wrote the source.",
    flag_values=program.flags,
)
_LOWERCASE = flags.DEFINE_bool(
    "lowercase",
    None,
    "Put text in lower case. By default as the source says, or as its vocabulary shows.",
    flag_values=program.flags,
)
_LABELS = flags.DEFINE_list(
    "labels",
    None,
    "The labels of a classifier in the order of its outputs, where the source does not name them.",
    flag_values=program.flags,
)
_TEXT_PAIR = flags.DEFINE_bool(
    "text_pair", False, "The classifier takes two texts.", flag_values=program.flags
)
_ALLOW_PICKLE_WEIGHTS = flags.DEFINE_bool(
    "allow_pickle_weights",
    False,
    "Also read pytorch_model.bin, as nothing but tensors (torch.load with weights_only).",
    flag_values=program.flags,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    from keras_bert_cls.checkpoints.import_checkpoint import import_checkpoint
    from keras_bert_cls.checkpoints.new_folder import write_new_folder

    imported = import_checkpoint(
        _SOURCE.value,
        _FORMAT.value,
        lowercase=_LOWERCASE.value,
        labels=_LABELS.value,
        text_pair=_TEXT_PAIR.value,
        allow_pickle_weights=_ALLOW_PICKLE_WEIGHTS.value,
    )
    write_new_folder(_OUTPUT.value, imported.save)
    settings = imported.settings
    print(_OUTPUT.value)
    print(f"  {settings.task}, {imported.model.count_params():,} weights")
    if settings.labels:
        print(f"  labels: {', '.join(settings.labels)}")
    case = "lower case" if settings.lowercase else "case kept"
    print(f"  {len(imported.tokenizer.vocabulary)} tokens, {case}")
    for what, entries in (("left out", imported.ignored), ("not in it", imported.fresh)):
        for name, reason in entries.items():
            print(f"  {what}: {name} ({reason})")


if __name__ == "__main__":
    raise SystemExit(main())
