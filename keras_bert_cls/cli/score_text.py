"""Scores texts with a masked language model: how likely it finds them.

  bertcls-score --model runs/pretrain --data sentences.txt
  bertcls-score --model exported --data translations.tsv --text_column 1 --word_l2r
  bertcls-score --server localhost:8500 --model_name N --data sentences.txt --timeout 300

A text's score is its pseudo-log-likelihood (Salazar et al. 2020): each token is masked in turn, and
the logarithms of the probabilities of the true ones are summed. A text of m tokens costs m runs of
the model. tsv: log-likelihood, tokens, perplexity and text; jsonl: the same by name. At the end the
perplexity of all texts together is printed to the standard error.
"""

import itertools
import json
import sys

from absl import flags

from keras_bert_cls.cli.language_model_flags import LanguageModelFlags
from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.text_output import one_line, print_utf8

program = Program("bertcls-score", __doc__)

_LANGUAGE_MODEL = LanguageModelFlags(program, data="-")
_WORD_L2R = flags.DEFINE_bool(
    "word_l2r",
    False,
    "Also mask what follows in the same word (Kauf & Ivanova 2023): otherwise the rest of a rare "
    "word gives its beginning away.",
    flag_values=program.flags,
)
_OUTPUT_FORMAT = flags.DEFINE_enum(
    "output_format", "tsv", ["tsv", "jsonl"], "What to print.", flag_values=program.flags
)


def main(argv: list[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    from keras_bert_cls.masked_lm.answers import TextScore, corpus_perplexity

    model = _LANGUAGE_MODEL.load_model()
    print_utf8()
    texts, asked = itertools.tee(_LANGUAGE_MODEL.read_texts())
    answers = model.score_iter(asked, _WORD_L2R.value, _LANGUAGE_MODEL.batch_size)
    total, number = TextScore(0.0, 0), 0
    for score, text in zip(answers, texts, strict=False):
        number += 1
        total = TextScore(
            total.log_likelihood + score.log_likelihood, total.num_tokens + score.num_tokens
        )
        if _OUTPUT_FORMAT.value == "jsonl":
            fields = {**vars(score), "perplexity": score.perplexity, "text": text}
            print(json.dumps(fields, ensure_ascii=False), flush=True)
        else:
            likelihood, perplexity = f"{score.log_likelihood:.4f}", f"{score.perplexity:.4f}"
            print(likelihood, score.num_tokens, perplexity, one_line(text), sep="\t", flush=True)
    print(
        f"{number:,} texts, {total.num_tokens:,} tokens, perplexity "
        f"{corpus_perplexity([total]):.4f}",
        file=sys.stderr,
    )


if __name__ == "__main__":
    raise SystemExit(main())
