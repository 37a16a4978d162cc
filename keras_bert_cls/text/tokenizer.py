"""BERT's tokenizer inside the TensorFlow graph.

Ids equal those of google-research/bert's tokenization.py (FullTokenizer).
"""

import os

import tensorflow as tf
import tensorflow_text as tf_text

from keras_bert_cls.errors import UserError
from keras_bert_cls.text.detokenization import Detokenizer
from keras_bert_cls.text.normalizer import normalizer_model
from keras_bert_cls.text.vocabulary import UNK, Vocabulary

# Google's limit on a word is 200 characters, of at most four bytes each in UTF-8.
_MAX_BYTES_PER_WORD = 800


class Tokenizer:
    """Strings to WordPiece ids and back, the same in eager code, tf.function, tf.data and exports.

    What it needs in a graph are constants: an export that uses it has nothing to track.

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
        table = normalizer_model(lowercase, lowercase if strip_accents is None else strip_accents)
        with tf.init_scope():  # constants outlive the function that a tokenizer is made in
            self._fast_tokenizer = tf_text.FastBertTokenizer(
                list(vocabulary.tokens),
                token_out_type=tf.int32,
                unknown_token=UNK,
                max_bytes_per_word=_MAX_BYTES_PER_WORD,
                fast_bert_normalizer_model_buffer=tf.constant(list(table), tf.uint8),
            )
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
          texts: string [n], UTF-8.

        Returns:
          int32 [n, (length)], row_splits int64.

        Raises:
          UserError: `texts` is known not to be a vector of strings.
        """
        texts = tf.convert_to_tensor(texts)
        if texts.dtype != tf.string or texts.shape.rank not in (1, None):
            raise UserError(
                f"expected texts as string [n], got {texts.dtype.name} {texts.shape}. "
                "Put a single text into a list."
            )
        # tf-text's normalizer takes the process down on a scalar.
        return self._fast_tokenizer.tokenize(tf.ensure_shape(texts, [None]))

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
        token_ids = self.tokenize([text]).flat_values.numpy()
        return [self.vocabulary.tokens[token_id] for token_id in token_ids]

    def __reduce__(self):
        return Tokenizer, (self.vocabulary, self.lowercase, self.strip_accents)
