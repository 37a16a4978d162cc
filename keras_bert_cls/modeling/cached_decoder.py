"""The decoder of a sequence-to-sequence model, a token at a time: what it computed is kept."""

from collections.abc import Mapping
from typing import NamedTuple

import keras
import tensorflow as tf

from keras_bert_cls.modeling.attention import KeysAndValues, Memory
from keras_bert_cls.modeling.encoder import INPUT_NAMES
from keras_bert_cls.modeling.seq2seq import decoder_blocks, decoder_config, decoder_token_embedding


class Reading(NamedTuple):
    """What the encoder read, once for a whole output.

    Attributes:
      memories: of each block.
      rows: int32 scalar, rows of the batch.
    """

    memories: list[Memory]
    rows: tf.Tensor


# Of each block, keys and values of the places that were written.
Written = list[KeysAndValues]


class CachedDecoder:
    """Computes the logits of the next token from the tokens that are new since the last call.

    The numbers are those of the model: both run `DecoderBlock.extend`. Works eagerly and in graphs,
    `tf.while_loop` included.

    Args:
      model: of `seq2seq_model`; its weights are used, not copied.

    Attributes:
      max_length: positions that the decoder has.
    """

    def __init__(self, model: keras.Model):
        inputs = {name: model.input[name] for name in INPUT_NAMES}
        self._encoder = keras.Model(inputs, model.get_layer("sequence_output").output)
        self._token_embedding = decoder_token_embedding(model)
        self._position_embedding = model.get_layer("decoder_position_embedding")
        self._embeddings_norm = model.get_layer("decoder_embeddings_norm")
        self._blocks = decoder_blocks(model)
        config = decoder_config(model)
        self._norm = model.get_layer("decoder_norm") if config.norm == "pre" else None
        self._bias = model.get_layer("decoder_bias")
        self.max_length = config.max_length

    def read(self, inputs: Mapping[str, tf.Tensor], copies: int = 1) -> Reading:
        """Runs the encoder.

        Args:
          inputs: the encoder's.
          copies: rows of the decoder's batch for each row of the encoder's, next to each other.
        """
        output = self._encoder({name: inputs[name] for name in INPUT_NAMES}, training=False)
        memories = [block.remember(output, inputs["padding_mask"]) for block in self._blocks]
        if copies > 1:
            repeated = [tf.repeat(part, copies, axis=0) for part in tf.nest.flatten(memories)]
            memories = tf.nest.pack_sequence_as(memories, repeated)
        return Reading(memories, tf.shape(output)[0] * copies)

    def nothing_written(self, reading: Reading) -> Written:
        """Returns what `extend` starts with."""
        example = tf.zeros([reading.rows, 0], self._blocks[0].compute_dtype)
        return [block.nothing_written(example) for block in self._blocks]

    def extend(
        self, token_ids: tf.Tensor, written: Written, reading: Reading
    ) -> tuple[tf.Tensor, Written]:
        """Writes tokens.

        Args:
          token_ids: int32 [rows, new], what comes after the places that were written; [CLS] first.
          written: those places.
          reading: from `read`.

        Returns:
          The logits of the token after each of the new ones, float32 [rows, new, vocabulary], and
          all places.
        """
        before = tf.shape(written[0].keys)[2]
        places = before + tf.range(tf.shape(token_ids)[1])
        x = self._token_embedding(token_ids) + self._position_embedding(places[tf.newaxis])
        x = self._embeddings_norm(x)
        extended = []
        for block, past, memory in zip(self._blocks, written, reading.memories, strict=True):
            x, present = block.extend(x, past, memory)
            extended.append(present)
        if self._norm is not None:
            x = self._norm(x)
        return self._bias(self._token_embedding(x, reverse=True)), extended


def select_rows(written: Written, rows: tf.Tensor) -> Written:
    """Returns the places of chosen rows, int32 [rows], one row as often as it is named."""
    chosen = [tf.gather(part, rows) for part in tf.nest.flatten(written)]
    return tf.nest.pack_sequence_as(written, chosen)


def growing_shapes(written: Written) -> Written:
    """Returns shapes of which the number of places is open, as `tf.while_loop` wants to know."""
    shapes = [
        tf.TensorShape([None, part.shape[1], None, part.shape[3]])
        for part in tf.nest.flatten(written)
    ]
    return tf.nest.pack_sequence_as(written, shapes)
