"""Draws from the likeliest tokens (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751)."""

import tensorflow as tf

from keras_bert_cls.modeling.token_sampling import Sampling, sample_tokens

_KEY = 0x5EED
_NUMBERS = 2**24  # what float32 can tell apart between 0 and 1


def uniform_numbers(
    token_ids: tf.Tensor, padding_mask: tf.Tensor, count: int, seed: int
) -> tf.Tensor:
    """Draws numbers that depend on a row's tokens, the place and the seed only.

    They are hashed, by SipHash with the seed as its key: so a text is answered alike whatever else
    is in its batch and however the batch is padded, which no generator with a state can do.

    Args:
      token_ids, padding_mask: int32 [n, length].
      count: numbers for each row.
      seed: in [0, 2**32).

    Returns:
      float32 [n, count] in [0, 1).
    """
    words = tf.where(padding_mask > 0, tf.strings.as_string(token_ids), "")
    rows = tf.strings.strip(tf.strings.reduce_join(words, axis=1, separator=" "))
    places = tf.strings.as_string(tf.range(count))
    names = rows[:, tf.newaxis] + "/" + places[tf.newaxis]
    drawn = tf.strings.to_hash_bucket_strong(names, _NUMBERS, key=[seed, _KEY])
    return tf.cast(drawn, tf.float32) / _NUMBERS


def draw_token(
    log_probabilities: tf.Tensor, uniform: tf.Tensor, top_p: float, temperature: float
) -> tf.Tensor:
    """Draws a token for each row.

    Args:
      log_probabilities: float32 [n, vocabulary].
      uniform: float32 [n] in [0, 1): where in the distribution the drawn token lies, the likeliest
        tokens first.
      top_p: the fewest likeliest tokens that have this share of the probability are drawn from.
      temperature: by which the logarithms are divided before.

    Returns:
      int32 [n].
    """
    rows = tf.shape(log_probabilities)[:1]
    sampling = Sampling(tf.fill(rows, temperature), tf.zeros(rows, tf.int32), tf.fill(rows, top_p))
    return sample_tokens(log_probabilities[:, tf.newaxis], sampling, uniform[:, tf.newaxis])[:, 0]
