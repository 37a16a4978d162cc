"""Lower case of `Σ`: `ς` at the end of a word, `σ` elsewhere.

This is the one character whose lower case depends on its neighbours (Unicode standard, table 3-17,
condition Final_Sigma), which is what Python's `str.lower` and so Google's tokenizer follows: it is
final if a cased letter comes before it and none after it, not counting case-ignorable characters.
"""

import tensorflow as tf

from keras_bert_cls.text.character_mapping import CAPITAL_SIGMA

# Unicode's properties Cased, less what is case-ignorable as well, and Case_Ignorable, in RE2.
CASED = r"\p{Lu}\p{Ll}\p{Lt}ªºⅠ-ⅿⒶ-ⓩ🄰-🅉🅐-🅩🅰-🆉"
CASE_IGNORABLE = r"\p{Mn}\p{Me}\p{Cf}\p{Lm}\p{Sk}'.:··՟״‘’․‧︓﹒﹕＇．："

_FINAL = (
    f"([{CASED}][{CASE_IGNORABLE}]*)"
    f"{CAPITAL_SIGMA}"
    f"([{CASE_IGNORABLE}]*(?:[^{CASED}{CASE_IGNORABLE}]|$))"
)


def lower_sigma(texts: tf.Tensor) -> tf.Tensor:
    """Puts `Σ` in lower case in string [n], UTF-8, whose other letters are in lower case."""
    texts = tf.strings.regex_replace(texts, _FINAL, r"\1ς\2")
    return tf.strings.regex_replace(texts, CAPITAL_SIGMA, "σ")
