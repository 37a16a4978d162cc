"""Signatures of a masked language model: texts with [MASK] in them to the likeliest tokens."""

import tensorflow as tf

from keras_bert_cls.export.string_function import Outputs, string_function
from keras_bert_cls.export.tokenize_signature import token_names, tokenize_signature
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.text.packing import pack_texts

MASK = "[MASK]"
TOP_TOKENS = 5


def fill_mask_signatures(
    trained: TrainedModel, pad_to_multiple_of: int
) -> dict[str, tf.types.experimental.PolymorphicFunction]:
    """Makes the signatures `fill_mask`, `serving_default`, which is the same, and `tokenize`.

    Input: text string [n], each with a literal [MASK] any number of times.

    Outputs, where masks is the largest number of [MASK]s in a text of the batch and k is 5 (or the
    size of a smaller vocabulary):
      tokens: string [n, masks, k], the likeliest first;
      scores: float32 [n, masks, k], their probabilities;
      sequence: string [n], the text with its [MASK]s replaced by the likeliest tokens.
    Where a text has fewer [MASK]s, or one is cut off because the text exceeds the model's length,
    tokens are "" and scores 0; `sequence` keeps a [MASK] that was cut off.

    `tokenize` gives the tokens as the model sees them, [MASK]s among them; see
    `tokenize_signature`.
    """
    served = _ServedMaskedLM(trained, pad_to_multiple_of)
    function = string_function(["text"], served.fill_mask)
    tokenize = tokenize_signature(trained, ["text"], served.segments)
    return {"serving_default": function, "fill_mask": function, "tokenize": tokenize}


class _ServedMaskedLM:
    """The bodies of the signatures and their steps."""

    def __init__(self, trained: TrainedModel, pad_to_multiple_of: int):
        self._trained = trained
        self._vocabulary = trained.tokenizer.vocabulary
        self._pad_to_multiple_of = pad_to_multiple_of

    def fill_mask(self, text: tf.Tensor) -> Outputs:
        pieces = tf.strings.split(text, sep=MASK)  # A text with m masks has m + 1 pieces.
        packed = pack_texts(
            self._vocabulary,
            [self._tokenize(pieces)],
            max_length=self._trained.settings.max_length,
            pad_to_multiple_of=self._pad_to_multiple_of,
        )
        counts = tf.cast(pieces.row_lengths(), tf.int32) - 1
        masks = tf.reduce_max(tf.concat([counts, [0]], axis=0))
        # The model never sees zero positions; the column too many is cut off below.
        positions, kept = self._mask_positions(packed["token_ids"], tf.maximum(masks, 1))
        logits = self._trained.model({**packed, "mask_positions": positions}, training=False)[
            "logits"
        ]
        probabilities = tf.nn.softmax(tf.cast(logits, tf.float32))
        scores, best = tf.math.top_k(probabilities, k=min(TOP_TOKENS, len(self._vocabulary)))
        names = tf.gather(token_names(self._vocabulary), best)
        tokens = tf.where(kept[..., tf.newaxis], names, "")
        return {
            "tokens": tokens[:, :masks],
            "scores": tf.where(kept[..., tf.newaxis], scores, 0.0)[:, :masks],
            "sequence": _fill(pieces, tokens[..., 0]),
        }

    def segments(self, text: tf.Tensor) -> list[tf.RaggedTensor]:
        return [self._tokenize(tf.strings.split(text, sep=MASK))]

    def _tokenize(self, pieces: tf.RaggedTensor) -> tf.RaggedTensor:
        """Tokenizes string [n, (pieces)] and puts the mask's id between pieces: [n, (length)]."""
        follows = tf.ragged.range(pieces.row_lengths()).flat_values > 0
        masks = tf.RaggedTensor.from_row_lengths(
            tf.fill([tf.math.count_nonzero(follows)], self._vocabulary.mask_id),
            tf.cast(follows, tf.int64),
            validate=False,
        )
        token_ids = self._trained.tokenizer.tokenize(pieces.flat_values)
        return pieces.with_flat_values(tf.concat([masks, token_ids], axis=1)).merge_dims(1, 2)

    def _mask_positions(
        self, token_ids: tf.Tensor, width: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Finds the masks left in token_ids [n, length]: positions and whether there, [n, width].

        No text is tokenized to the mask's id, because "[" ends a word: each is one of ours.
        """
        places = tf.where(token_ids == self._vocabulary.mask_id)
        rows = tf.shape(token_ids)[0]
        positions = tf.RaggedTensor.from_value_rowids(
            tf.cast(places[:, 1], tf.int32),
            places[:, 0],
            nrows=tf.cast(rows, tf.int64),
            validate=False,
        )
        shape = tf.stack([rows, width])
        return positions.to_tensor(0, shape=shape), tf.sequence_mask(positions.row_lengths(), width)


def _fill(pieces: tf.RaggedTensor, best: tf.Tensor) -> tf.Tensor:
    """Joins string pieces [n, (masks + 1)] with the tokens between them, string [n, masks]."""
    words = tf.where(best == "", MASK, tf.strings.regex_replace(best, "^##(.)", r"\1"))
    before = tf.concat([tf.fill([tf.shape(words)[0], 1], ""), words], axis=1)
    before = tf.RaggedTensor.from_tensor(before, lengths=pieces.row_lengths())
    filled = tf.strings.join([before.flat_values, pieces.flat_values])
    return tf.strings.reduce_join(pieces.with_flat_values(filled), axis=-1)
