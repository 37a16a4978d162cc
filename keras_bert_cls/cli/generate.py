"""Writes texts with a masked language model, or fills all [MASK]s of texts together.

  bertcls-generate --model runs/pretrain --prompt 今天 --length 12 --samples 5
  bertcls-generate --model exported --data gaps.txt --temperature 0
  bertcls-generate --server localhost:8500 --model_name N --length 12

By mask-predict (Ghazvininejad et al. 2019): the first pass predicts all [MASK]s, each later one
masks those again that the model was least sure of. The same command prints the same texts; another
--seed draws others. txt: a text a line; jsonl: with its new tokens and their probabilities.
"""

import dataclasses
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from absl import flags

from keras_bert_cls.cli.language_model_flags import LanguageModelFlags
from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.text_output import one_line, print_utf8

if TYPE_CHECKING:
    from keras_bert_cls.client.served_masked_lm import ServedMaskedLM
    from keras_bert_cls.masked_lm.answers import InfilledText
    from keras_bert_cls.masked_lm.infill_options import InfillOptions
    from keras_bert_cls.masked_lm.language_model import MaskedLM

program = Program("bertcls-generate", __doc__)

_LANGUAGE_MODEL = LanguageModelFlags(program, data=None)
_PROMPT = flags.DEFINE_multi_string(
    "prompt",
    None,
    "What a text begins with; may be given several times, by default texts begin with nothing.",
    flag_values=program.flags,
)
_LENGTH = flags.DEFINE_integer(
    "length",
    None,
    "Tokens to write after each prompt; needed without --data.",
    lower_bound=1,
    flag_values=program.flags,
)
_SAMPLES = flags.DEFINE_integer(
    "samples",
    1,
    "Texts for each prompt, or for each text of --data.",
    lower_bound=1,
    flag_values=program.flags,
)
_PASSES = flags.DEFINE_integer(
    "passes", 10, "Predictions of a text at most, 1 to 100.", flag_values=program.flags
)
_TEMPERATURE = flags.DEFINE_float(
    "temperature",
    1.0,
    "Logits are divided by it; 0 takes the likeliest tokens.",
    flag_values=program.flags,
)
_TOP_K = flags.DEFINE_integer(
    "top_k", 0, "Draw from so many of the likeliest tokens; 0: all.", flag_values=program.flags
)
_TOP_P = flags.DEFINE_float(
    "top_p",
    0.9,
    "Draw from the fewest likeliest tokens with this share of the probability.",
    flag_values=program.flags,
)
_SEED = flags.DEFINE_integer("seed", 0, "Of what is drawn.", flag_values=program.flags)
_OUTPUT_FORMAT = flags.DEFINE_enum(
    "output_format", "txt", ["txt", "jsonl"], "What to print.", flag_values=program.flags
)


@flags.multi_flags_validator(
    ["data", "length"], "give either --length or --data", flag_values=program.flags
)
def _one_source(values) -> bool:
    return (values["data"] is None) != (values["length"] is None)


@flags.multi_flags_validator(
    ["data", "prompt"], "--prompt goes with --length, not with --data", flag_values=program.flags
)
def _prompt_has_length(values) -> bool:
    return values["data"] is None or values["prompt"] is None


def main(argv: list[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    from keras_bert_cls.masked_lm.infill_options import InfillOptions

    options = InfillOptions(
        _PASSES.value, _TEMPERATURE.value, _TOP_K.value, _TOP_P.value, _SEED.value
    )
    options.check()
    model = _LANGUAGE_MODEL.load_model()
    print_utf8()
    for text in _texts(model, options):
        if _OUTPUT_FORMAT.value == "jsonl":
            print(json.dumps(dataclasses.asdict(text), ensure_ascii=False), flush=True)
        else:
            print(one_line(text.text), flush=True)


def _texts(
    model: "MaskedLM | ServedMaskedLM", options: "InfillOptions"
) -> "Iterator[InfilledText]":
    batch_size = _LANGUAGE_MODEL.batch_size
    if _LENGTH.value is None:
        gaps = (text for text in _LANGUAGE_MODEL.read_texts() for _ in range(_SAMPLES.value))
        yield from model.infill_iter(gaps, options, batch_size)
        return
    for prompt in _PROMPT.value or [""]:
        yield from model.generate(_LENGTH.value, prompt, _SAMPLES.value, options, batch_size)


if __name__ == "__main__":
    raise SystemExit(main())
