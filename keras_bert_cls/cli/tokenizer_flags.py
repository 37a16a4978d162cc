"""The flags by which programs are told how text is normalised."""

from absl import flags

from keras_bert_cls.cli.program import Program


def define_case_flags(program: Program) -> tuple[flags.FlagHolder, flags.FlagHolder]:
    """Defines --lowercase and --strip_accents."""
    lowercase = flags.DEFINE_bool(
        "lowercase", True, "Put text in lower case.", flag_values=program.flags
    )
    strip_accents = flags.DEFINE_bool(
        "strip_accents", None, "Drop accents. By default as --lowercase.", flag_values=program.flags
    )
    return lowercase, strip_accents
