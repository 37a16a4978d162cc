"""Signatures that score texts with a masked language model: how likely it finds them."""

import tensorflow as tf

from keras_bert_cls.export.parts import run_in_parts
from keras_bert_cls.export.string_function import Outputs, string_function
from keras_bert_cls.modeling.output_softmax import softmax_of
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.text.packing import pack_texts
from keras_bert_cls.text.vocabulary import is_suffix

# A text of m tokens is m rows of m tokens; so many tokens, padding included, are computed at once.
TOKENS_AT_ONCE = 4096


def score_signatures(
    trained: TrainedModel, pad_to_multiple_of: int
) -> dict[str, tf.types.experimental.PolymorphicFunction]:
    """Makes the signatures `score` and `score_word_l2r`.

    Input: text string [n]; a literal [MASK] is text like any other.

    Outputs:
      log_likelihood: float32 [n], the pseudo-log-likelihood (Salazar et al. 2020, "Masked language
        model scoring"): the sum over the text's tokens of the natural logarithm of the probability
        that the model gives to the token where it alone is masked;
      num_tokens: int32 [n], the tokens that were scored, [CLS] and [SEP] not among them; what
        exceeds the model's length is cut off and not scored;
      perplexity: float32 [n], exp(-log_likelihood / num_tokens); 1 for a text of no tokens.

    `score_word_l2r` also masks the tokens of the same word that follow (Kauf & Ivanova 2023, "A
    better way to do masked language model scoring"): otherwise the rest of a rare word gives its
    first piece away, and rare words score too high. For texts in which every word is one token, as
    in Chinese, both are the same.
    """
    return {
        name: string_function(["text"], _Scorer(trained, pad_to_multiple_of, hides_rest).score)
        for name, hides_rest in (("score", False), ("score_word_l2r", True))
    }


class _Scorer:
    """The body of a signature and its steps; `hides_rest` masks the rest of a token's word."""

    def __init__(self, trained: TrainedModel, pad_to_multiple_of: int, hides_rest: bool):
        self._trained, self._softmax = trained, softmax_of(trained.model)
        self._vocabulary = trained.tokenizer.vocabulary
        self._pad_to_multiple_of = pad_to_multiple_of
        self._hides_rest = hides_rest

    def score(self, text: tf.Tensor) -> Outputs:
        packed = pack_texts(
            self._vocabulary,
            [self._trained.tokenizer.tokenize(text)],
            max_length=self._trained.settings.max_length,
            pad_to_multiple_of=self._pad_to_multiple_of,
        )
        token_ids = packed["token_ids"]
        lengths = tf.reduce_sum(packed["padding_mask"], axis=1)
        place = tf.range(tf.shape(token_ids)[1])
        places = tf.where((place > 0) & (place < lengths[:, tf.newaxis] - 1))
        owner, position = tf.unstack(tf.cast(places, tf.int32), num=2, axis=1)
        # The shortest texts first: a part is as long as its longest.
        order = tf.argsort(tf.gather(lengths, owner), stable=True)
        owner, position = tf.gather(owner, order), tf.gather(position, order)
        row_lengths = tf.gather(lengths, owner)
        rows = tf.size(owner)

        def end_of(start):
            """Returns the last end within the tokens; they rise with the rows of a part."""
            tokens = row_lengths[start:] * tf.range(1, rows - start + 1)
            return start + tf.math.count_nonzero(tokens <= TOKENS_AT_ONCE, dtype=tf.int32)

        def body(start, end):
            length = row_lengths[end - 1]
            ids = tf.gather(token_ids[:, :length], owner[start:end])
            return [self._log_probabilities(ids, row_lengths[start:end], position[start:end])]

        (log_probabilities,) = run_in_parts(rows, end_of, body, [tf.zeros([0])])
        total = tf.math.unsorted_segment_sum(log_probabilities, owner, tf.size(lengths))
        num_tokens = lengths - 2
        mean = total / tf.cast(tf.maximum(num_tokens, 1), tf.float32)
        return {
            "log_likelihood": total,
            "num_tokens": num_tokens,
            "perplexity": tf.exp(-mean),
        }

    def _log_probabilities(
        self, token_ids: tf.Tensor, lengths: tf.Tensor, position: tf.Tensor
    ) -> tf.Tensor:
        """Returns float32 [rows]: of the token at `position` [rows] in token_ids [rows, length]."""
        place = tf.range(tf.shape(token_ids)[1])
        column = position[:, tf.newaxis]
        hidden = place == column
        if self._hides_rest:
            starts = tf.constant([not is_suffix(token) for token in self._vocabulary.tokens])
            word = tf.cumsum(tf.cast(tf.gather(starts, token_ids), tf.int32), axis=1)
            hidden = (place >= column) & (word == tf.gather(word, column, batch_dims=1))
        inputs = {
            "token_ids": tf.where(hidden, self._vocabulary.mask_id, token_ids),
            "segment_ids": tf.zeros_like(token_ids),
            "padding_mask": tf.cast(place < lengths[:, tf.newaxis], tf.int32),
            "mask_positions": column,
        }
        outputs = self._trained.model(inputs, training=False)
        return -self._softmax.losses(outputs, tf.gather(token_ids, column, batch_dims=1))[:, 0]
