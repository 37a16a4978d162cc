"""The records of packed shards: a tf.train.Example a sequence.

token_ids: the sequence with its special tokens; or text: what they are made of.
first_length: tokens of the first segment. word_starts: 1 for every token that starts a word, where
a segmenter found the words. source, line: number of the file among the sources, and the line.
"""

import tensorflow as tf

from keras_bert_cls.data.packed_shards import PackSettings
from keras_bert_cls.data.sequences import Sequence
from keras_bert_cls.text.tokenizer import Tokenizer

Columns = dict[str, tf.Tensor]


def encode_sequence(sequence: Sequence, source: int, settings: PackSettings) -> bytes:
    """Returns the record of a sequence; the same bytes for the same sequence."""
    example = tf.train.Example()
    feature = example.features.feature
    feature["source"].int64_list.value.append(source)
    feature["line"].int64_list.value.append(sequence.line)
    if settings.keep_text:
        feature["text"].bytes_list.value.append(sequence.text.encode())
    else:
        feature["token_ids"].int64_list.value.extend(sequence.token_ids.tolist())
        feature["first_length"].int64_list.value.append(sequence.first_length)
    if settings.word_segmenter != "none":
        feature["word_starts"].int64_list.value.extend(sequence.word_starts.tolist())
    return example.SerializeToString(deterministic=True)


class SequenceParser:
    """Records -> padded columns, in the graph.

    Args:
      settings: of the shards.
      tokenizer: names the special tokens; tokenizes records that hold text.
      width: places of a row, at least `settings.max_length`.
    """

    def __init__(self, settings: PackSettings, tokenizer: Tokenizer, width: int):
        self._settings = settings
        self._tokenizer = tokenizer
        self._width = width

    def __call__(self, records: tf.Tensor) -> Columns:
        """Parses records.

        Args:
          records: string [n].

        Returns:
          token_ids: int32 [n, width], padded with [PAD];
          length, first_length: int32 [n];
          source, line: int64 [n];
          word_starts: int32 [n, width], padded with 1, if the records have them.
        """
        scalar = tf.io.FixedLenFeature([], tf.int64)
        several = tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64)
        features = {"source": scalar, "line": scalar}
        if self._settings.keep_text:
            features["text"] = tf.io.FixedLenFeature([], tf.string)
        else:
            features |= {"token_ids": several, "first_length": scalar}
        if self._settings.word_segmenter != "none":
            features["word_starts"] = several
        parsed = tf.io.parse_example(records, features)
        if self._settings.keep_text:
            token_ids = self._frame(parsed.pop("text"))
            first_length = token_ids.row_lengths()
        else:
            token_ids, first_length = parsed["token_ids"], parsed["first_length"]
        columns = {
            "token_ids": self._padded(token_ids, self._tokenizer.vocabulary.pad_id),
            "length": tf.cast(token_ids.row_lengths(), tf.int32),
            "first_length": tf.cast(first_length, tf.int32),
            "source": parsed["source"],
            "line": parsed["line"],
        }
        if "word_starts" in parsed:
            columns["word_starts"] = self._padded(parsed["word_starts"], 1)
        return columns

    def _frame(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Tokenizes texts and puts [CLS] before and [SEP] after them."""
        vocabulary = self._tokenizer.vocabulary
        token_ids = self._tokenizer.tokenize(texts)[:, : self._settings.max_length - 2]
        ends = tf.ones([tf.shape(texts)[0], 1], tf.int32)
        return tf.concat([ends * vocabulary.cls_id, token_ids, ends * vocabulary.sep_id], axis=1)

    def _padded(self, values: tf.RaggedTensor, padding: int) -> tf.Tensor:
        return tf.cast(values, tf.int32).to_tensor(padding, shape=[None, self._width])
