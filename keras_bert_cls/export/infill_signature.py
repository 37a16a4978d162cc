"""The signature `infill`: from texts with [MASK] in them to whole texts, by mask-predict."""

import tensorflow as tf

from keras_bert_cls.export.infill_limits import MOST_PASSES
from keras_bert_cls.export.mask_predict import InfillSettings, MaskPredict
from keras_bert_cls.export.masked_texts import MaskedTextReader, MaskedTexts, fill_pieces
from keras_bert_cls.export.parts import run_in_parts
from keras_bert_cls.export.string_function import Outputs, string_function
from keras_bert_cls.export.tokenize_signature import token_names
from keras_bert_cls.modeling.token_sampling import Sampling
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.text.vocabulary import CLS, PAD, SEP, text_of

# So many logits are computed at once: 32 MB, and sampling makes a few copies of them.
LOGITS_AT_ONCE = 2**23
SETTINGS = (
    tf.TensorSpec([None], tf.int64, name="seed"),
    tf.TensorSpec([None], tf.int32, name="passes"),
    tf.TensorSpec([None], tf.float32, name="temperature"),
    tf.TensorSpec([None], tf.int32, name="top_k"),
    tf.TensorSpec([None], tf.float32, name="top_p"),
)
_BLANK_AT_START = r"(?s)[\s\p{Z}].*"
_BLANK_AT_END = r"(?s).*[\s\p{Z}]"


def infill_signature(
    trained: TrainedModel, pad_to_multiple_of: int
) -> tf.types.experimental.PolymorphicFunction:
    """Makes the signature.

    Inputs, so that requests may share a batch: text string [n], each with a literal [MASK] any
    number of times, and for each text seed int64, passes int32 (1 to 100), temperature float32,
    top_k int32, top_p float32; see InfillSettings and Sampling.

    Outputs, where masks is the largest number of [MASK]s in a text of the batch, at most the
    model's max_length:
      sequence: string [n], the text with its [MASK]s replaced by words, and blanks between words
        where people write them and the text has none;
      tokens: string [n, masks], what each [MASK] became;
      scores: float32 [n, masks], the probability that the model gave to it in its last pass.
    Where a text has fewer [MASK]s, or one is cut off because the text exceeds the model's length,
    tokens are "" and scores 0; `sequence` keeps a [MASK] that was cut off.
    """
    infiller = _Infiller(trained, pad_to_multiple_of)
    return string_function(["text"], infiller.infill, SETTINGS)


class _Infiller:
    """The body of the signature and its steps."""

    def __init__(self, trained: TrainedModel, pad_to_multiple_of: int):
        self._tokenizer = trained.tokenizer
        self._reader = MaskedTextReader(trained, pad_to_multiple_of)
        self._mask_predict = MaskPredict(trained)

    def infill(self, text, seed, passes, temperature, top_k, top_p) -> Outputs:
        checks = [
            _require("seed must be at least 0", seed >= 0),
            _require(f"passes must be 1 to {MOST_PASSES}", (passes >= 1) & (passes <= MOST_PASSES)),
            _require(
                "temperature must be a number of at least 0",
                (temperature >= 0) & (temperature < float("inf")),
            ),
            _require("top_k must be at least 0", top_k >= 0),
            _require("top_p must be above 0 and at most 1", (top_p > 0) & (top_p <= 1)),
        ]
        with tf.control_dependencies(checks):
            text = tf.identity(text)
        texts = self._reader.read(text)
        settings = InfillSettings(seed, passes, Sampling(temperature, top_k, top_p))
        token_ids, sureness = self._fill(texts, settings)
        tokens = tf.where(
            texts.is_mask, tf.gather(token_names(self._tokenizer.vocabulary), token_ids), ""
        )
        words = tf.where(texts.is_mask, self._words(texts, token_ids), "")
        return {
            "sequence": fill_pieces(texts.pieces, words),
            "tokens": tokens[:, : texts.masks],
            "scores": tf.where(texts.is_mask, tf.exp(sureness), 0.0)[:, : texts.masks],
        }

    def _fill(self, texts: MaskedTexts, settings: InfillSettings) -> list[tf.Tensor]:
        """Returns token ids and how sure the model is of them; a few texts run at a time."""
        logits = tf.shape(texts.positions)[1] * len(self._tokenizer.vocabulary)
        together = tf.maximum(LOGITS_AT_ONCE // logits, 1)

        def body(start, end):
            part = texts._replace(
                packed={name: value[start:end] for name, value in texts.packed.items()},
                positions=texts.positions[start:end],
                is_mask=texts.is_mask[start:end],
            )
            return self._mask_predict.fill(part, settings.rows(start, end))

        empty = texts.positions[:0]
        return run_in_parts(
            tf.shape(texts.positions)[0],
            lambda start: start + together,
            body,
            [empty, tf.cast(empty, tf.float32)],
        )

    def _words(self, texts: MaskedTexts, token_ids: tf.Tensor) -> tf.Tensor:
        """Returns the words for the masks, string [n, width], with blanks around them."""
        written = tf.constant([_written(token) for token in self._tokenizer.vocabulary.tokens])
        rows, width = tf.unstack(tf.shape(token_ids))
        pieces = texts.pieces.to_tensor("", shape=tf.stack([rows, width + 1]))
        before, after = pieces[:, :-1], pieces[:, 1:]
        filled = self._filled(texts, token_ids)
        left = tf.gather(filled, tf.maximum(texts.positions - 1, 0), batch_dims=1)
        right = tf.gather(filled, texts.positions + 1, batch_dims=1)
        has_blank = tf.strings.regex_full_match(before, _BLANK_AT_END)
        blank_before = ~has_blank & self._are_apart(written, left, token_ids)
        # Between masks without a text the blank is put before the second.
        needs_none = (after == "") | tf.strings.regex_full_match(after, _BLANK_AT_START)
        blank_after = ~needs_none & self._are_apart(written, token_ids, right)
        return tf.strings.join(
            [
                tf.where(blank_before, " ", ""),
                tf.gather(written, token_ids),
                tf.where(blank_after, " ", ""),
            ]
        )

    def _filled(self, texts: MaskedTexts, token_ids: tf.Tensor) -> tf.Tensor:
        """Returns the texts' token ids [n, length] with those of their masks put in."""
        places = tf.where(texts.is_mask)
        row = tf.cast(places[:, 0], tf.int32)
        target = tf.stack([row, tf.gather_nd(texts.positions, places)], axis=1)
        values = tf.gather_nd(token_ids, places)
        return tf.tensor_scatter_nd_update(texts.packed["token_ids"], target, values)

    def _are_apart(self, written: tf.Tensor, left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
        """Says whether the detokenizer puts a blank between tokens [n, width]."""
        pairs = tf.reshape(tf.stack([left, right], axis=-1), [-1, 2])
        joined = self._tokenizer.detokenize(tf.RaggedTensor.from_tensor(pairs))
        tight = tf.strings.join([tf.gather(written, left), tf.gather(written, right)])
        return tf.reshape(joined, tf.shape(left)) != tight


def _written(token: str) -> str:
    """Returns what the detokenizer writes for a token."""
    return "" if token in (PAD, CLS, SEP) else text_of(token)


def _require(what: str, is_right: tf.Tensor) -> tf.Operation:
    return tf.debugging.Assert(tf.reduce_all(is_right), [f"{what}."])
