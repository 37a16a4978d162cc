"""Mask-predict: fills all masks of a text together, in a few passes over it.

Ghazvininejad et al. 2019, "Mask-predict: parallel decoding of conditional masked language models".
The first pass predicts all masks of a text. Each later one masks those again that the model was
least sure of, fewer from pass to pass, and predicts them given all others.
"""

import re
from typing import NamedTuple

import tensorflow as tf

from keras_bert_cls.counter_random import random_uniform
from keras_bert_cls.export.masked_texts import MaskedTexts
from keras_bert_cls.modeling.token_sampling import Sampling, likeliest_tokens, sample_tokens
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.text.vocabulary import SPECIAL_TOKENS, Vocabulary

_UNUSED = re.compile(r"\[unused\d+\]")  # Google's vocabularies have room for tokens of users.


def barred_tokens(vocabulary: Vocabulary) -> list[bool]:
    """Says of each token whether it is never put in: the special and the unused ones."""
    return [
        token in SPECIAL_TOKENS or _UNUSED.fullmatch(token) is not None
        for token in vocabulary.tokens
    ]


class InfillSettings(NamedTuple):
    """How each text is filled.

    Attributes:
      seed: int64 [n], at least 0; the same seed draws the same, whatever else is in the batch.
      passes: int32 [n], at least 1.
      sampling: see Sampling.
    """

    seed: tf.Tensor
    passes: tf.Tensor
    sampling: Sampling

    def rows(self, start: tf.Tensor, end: tf.Tensor) -> "InfillSettings":
        """Returns the settings of some of the texts."""
        sampling = Sampling(*(value[start:end] for value in self.sampling))
        return InfillSettings(self.seed[start:end], self.passes[start:end], sampling)


class MaskPredict:
    """Fills masks with a model.

    In pass t of T, counted from 0, the floor(N (T - t) / T) least sure of a text's N masks are
    masked and predicted. How sure the model is of a token is the probability that it gave to it
    when it was predicted, whatever the temperature. Special tokens, [UNK] among them, and the
    unused ones of Google's vocabularies are never put in.

    Args:
      trained: the model.
    """

    def __init__(self, trained: TrainedModel):
        self._model = trained.model
        vocabulary = trained.tokenizer.vocabulary
        self._mask_id = vocabulary.mask_id
        self._is_barred = barred_tokens(vocabulary)

    def fill(self, texts: MaskedTexts, settings: InfillSettings) -> tuple[tf.Tensor, tf.Tensor]:
        """Fills the masks of texts.

        Args:
          texts: the texts [n].
          settings: see InfillSettings.

        Returns:
          The masks' token ids int32 and how sure the model is of them, float32 natural logarithms
          of probabilities; [n, width] both, as `texts.positions`. Where there is no mask the id
          is 0 and the logarithm +inf.
        """
        counts = tf.math.count_nonzero(texts.is_mask, axis=1, dtype=tf.int32)
        fewest = tf.maximum(counts, 1)
        # Later passes would mask nothing: floor(N (T - t) / T) is 0 beyond T - ceil(T / N).
        useful = settings.passes - (settings.passes + fewest - 1) // fewest + 1
        last = tf.reduce_max(tf.concat([tf.where(counts > 0, useful, 0), [0]], axis=0))

        def step(number, token_ids, sureness):
            filled = self._pass(number, counts, texts, settings, token_ids, sureness)
            return number + 1, *filled

        _, token_ids, sureness = tf.while_loop(
            lambda number, *_: number < last,
            step,
            [
                tf.constant(0),
                tf.zeros_like(texts.positions),
                # Sorts the masks before the places that are none.
                tf.where(texts.is_mask, 0.0, float("inf")),
            ],
            shape_invariants=[tf.TensorShape([]), *[tf.TensorShape([None, None])] * 2],
            parallel_iterations=1,
        )
        return token_ids, sureness

    def _pass(self, number, counts, texts, settings, token_ids, sureness):
        """Masks the least sure and predicts them; returns the new token ids and sureness."""
        again = tf.maximum(counts * (settings.passes - number) // settings.passes, 0)
        order = tf.argsort(sureness, axis=1, stable=True)
        is_known = texts.is_mask & (tf.argsort(order, axis=1) >= again[:, tf.newaxis])
        # The least sure of each text; a text with fewer has others there, which stay as they are.
        chosen = order[:, : tf.maximum(tf.reduce_max(tf.concat([again, [0]], axis=0)), 1)]
        inputs = {
            **texts.packed,
            "token_ids": self._with_known(texts, token_ids, is_known),
            "mask_positions": tf.gather(texts.positions, chosen, batch_dims=1),
        }
        logits = tf.cast(self._model(inputs, training=False)["logits"], tf.float32)
        allowed = tf.where(tf.constant(self._is_barred), -float("inf"), logits)
        sampling = settings.sampling
        predicted = tf.cond(
            tf.reduce_any(sampling.temperature > 0),
            lambda: sample_tokens(
                allowed,
                sampling,
                tf.gather(
                    _draws(settings.seed, number, tf.shape(sureness)[1]), chosen, batch_dims=1
                ),
            ),
            lambda: likeliest_tokens(allowed),
        )
        found = tf.gather(tf.nn.log_softmax(logits), predicted, batch_dims=2)
        places = tf.where(tf.sequence_mask(again, tf.shape(chosen)[1]))
        target = tf.stack([tf.cast(places[:, 0], tf.int32), tf.gather_nd(chosen, places)], axis=1)
        return (
            tf.tensor_scatter_nd_update(token_ids, target, tf.gather_nd(predicted, places)),
            tf.tensor_scatter_nd_update(sureness, target, tf.gather_nd(found, places)),
        )

    def _with_known(
        self, texts: MaskedTexts, token_ids: tf.Tensor, is_known: tf.Tensor
    ) -> tf.Tensor:
        """Returns the texts' token ids [n, length] with the known ones of their masks put in."""
        places = tf.where(is_known)
        row = tf.cast(places[:, 0], tf.int32)
        target = tf.stack([row, tf.gather_nd(texts.positions, places)], axis=1)
        return tf.tensor_scatter_nd_update(
            texts.packed["token_ids"], target, tf.gather_nd(token_ids, places)
        )


def _draws(seed: tf.Tensor, number: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Returns float32 [n, width] in [0, 1) for a pass, by the texts' seeds and masks' places."""
    low = tf.bitwise.bitwise_and(seed, 2**32 - 1)
    step = seed - low + tf.cast(number, tf.int64)

    def row(values):
        return random_uniform("mask_predict", values[0], values[1], 0, width, 1)[:, 0]

    return tf.map_fn(row, tf.stack([low, step], axis=1), fn_output_signature=tf.float32)
