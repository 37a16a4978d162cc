"""BERT's tokenizer inside the TensorFlow graph.

Ids equal those of google-research/bert's tokenization.py (FullTokenizer) under Python 3.11, for
every text, with two exceptions that no published vocabulary can tell apart:

* Characters that Unicode 15 and 16 added are unassigned in Python 3.11's Unicode 14. tf-text knows
  36 of them as punctuation and splits words there; TensorFlow's regular expressions know letters
  and marks among them, beside which the end of a word, for `Σ`, may be another.
* Google puts combining marks into canonical order. Here the marks that survive the dropping of
  accents stay as they stand, which matters where a text has two spacing ones in the wrong order.

As in Google's tokenizer, "[SEP]" in a text is not the special token.
"""

import os
import reprlib

import tensorflow as tf
import tensorflow_text as tf_text

from keras_bert_cls.errors import UserError
from keras_bert_cls.text.detokenization import Detokenizer
from keras_bert_cls.text.text_normalizer import TextNormalizer
from keras_bert_cls.text.vocabulary import SUFFIX_INDICATOR, UNK, Vocabulary
from keras_bert_cls.text.word_length import MAX_BYTES, WordLengthLimit


class Tokenizer:
    """Strings to WordPiece ids and back, the same in eager code, tf.function, tf.data and exports.

    All that it brings into a graph are constants: an export that uses it has nothing to track.

    Args:
      vocabulary: the tokens.
      lowercase: whether to put text in lower case, as uncased models do.
      strip_accents: whether to drop accents; None follows `lowercase`, as Google's models do.
    """

    def __init__(
        self, vocabulary: Vocabulary, lowercase: bool = True, strip_accents: bool | None = None
    ):
        self.vocabulary = vocabulary
        self.lowercase = lowercase
        self.strip_accents = strip_accents
        with tf.init_scope():  # the constants outlive a function that a tokenizer is made in
            self._normalizer = TextNormalizer(lowercase, strip_accents)
            self._wordpiece = tf_text.FastWordpieceTokenizer(
                list(vocabulary.tokens),
                suffix_indicator=SUFFIX_INDICATOR,
                unknown_token=UNK,
                max_bytes_per_word=MAX_BYTES,
                token_out_type=tf.int32,
            )
            self._word_length_limit = WordLengthLimit(vocabulary)
            self._detokenizer = Detokenizer(vocabulary)

    @classmethod
    def from_vocab(
        cls, path: str | os.PathLike, lowercase: bool = True, strip_accents: bool | None = None
    ) -> "Tokenizer":
        """Makes a tokenizer from a vocabulary file; see Vocabulary.from_file."""
        return cls(Vocabulary.from_file(path), lowercase, strip_accents)

    def tokenize(self, texts) -> tf.RaggedTensor:
        """Returns the token ids of texts, without special tokens.

        Args:
          texts: string [n], UTF-8; bytes that are not are left out.

        Returns:
          int32 [n, (length)], row_splits int64.

        Raises:
          UserError: `texts` is known not to be a vector of strings.
        """
        # Without its shape known, tf-text's kernel takes the process down on a scalar.
        texts = tf.ensure_shape(_vector_of_strings(texts), [None])
        words = self._wordpiece.tokenize(self._normalizer.normalize(texts))
        return self._word_length_limit.apply(words)

    def detokenize(self, token_ids: tf.RaggedTensor) -> tf.Tensor:
        """Returns readable text for token ids; see the module detokenization.

        Args:
          token_ids: ragged int32 [n, (length)].

        Returns:
          string [n].
        """
        return self._detokenizer.detokenize(token_ids)

    def tokens_of(self, text: str) -> list[str]:
        """Returns the tokens of one text, for people to read."""
        token_ids = self.tokenize([text]).values.numpy()
        return [self.vocabulary.tokens[token_id] for token_id in token_ids]

    def __reduce__(self):
        return Tokenizer, (self.vocabulary, self.lowercase, self.strip_accents)


def _vector_of_strings(texts) -> tf.Tensor:
    try:
        texts = tf.convert_to_tensor(texts, tf.string)
    except (TypeError, ValueError) as error:
        raise UserError(f"expected texts as string [n], got {reprlib.repr(texts)}") from error
    if texts.shape.rank not in (1, None):
        raise UserError(
            f"expected texts as string [n], got shape {texts.shape}. Put a single text into a list."
        )
    return texts
