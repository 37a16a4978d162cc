"""Says what may stand in the place of each [MASK], with a masked language model.

  echo '今天的天气很[MASK]。' | bertcls-fill-mask --model runs/pretrain
  bertcls-fill-mask --model exported --data cloze.csv --text_column question --top_k 3
  bertcls-fill-mask --server localhost:8500 --model_name N --data cloze.txt

Prints the candidates for each [MASK], the likeliest first, as soon as a batch is done. tsv: a line
a candidate: the text's number and the number of the [MASK] in it, both from 1, the token, its
probability, and the word that it makes with the tokens before it. jsonl: a line a text, with the
text filled with the likeliest tokens.
"""

import itertools
import json

from absl import flags

from keras_bert_cls.cli.language_model_flags import LanguageModelFlags
from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.text_output import print_utf8

program = Program("bertcls-fill-mask", __doc__)

_LANGUAGE_MODEL = LanguageModelFlags(program, data="-")
_TOP_K = flags.DEFINE_integer(
    "top_k",
    5,
    "Candidates for each [MASK]; exports and servers give 5 at most.",
    lower_bound=1,
    flag_values=program.flags,
)
_OUTPUT_FORMAT = flags.DEFINE_enum(
    "output_format", "tsv", ["tsv", "jsonl"], "What to print.", flag_values=program.flags
)


def main(argv: list[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    model = _LANGUAGE_MODEL.load_model()
    print_utf8()
    texts, asked = itertools.tee(_LANGUAGE_MODEL.read_texts())
    answers = model.fill_mask_iter(asked, _TOP_K.value, _LANGUAGE_MODEL.batch_size)
    for number, (answer, text) in enumerate(zip(answers, texts, strict=False), start=1):
        if _OUTPUT_FORMAT.value == "jsonl":
            masks = [[vars(candidate) for candidate in mask] for mask in answer.masks]
            fields = {"text": text, "filled": answer.text, "masks": masks}
            print(json.dumps(fields, ensure_ascii=False), flush=True)
            continue
        for place, mask in enumerate(answer.masks, start=1):
            for candidate in mask:
                probability = f"{candidate.probability:.6f}"
                print(number, place, candidate.token, probability, candidate.word, sep="\t")


if __name__ == "__main__":
    raise SystemExit(main())
