"""Floating-point operations that training needs. Imports no TensorFlow."""

from collections.abc import Mapping

from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.decoder_config import DecoderConfig

_FORWARD_AND_BACKWARD = 3
_PER_MULTIPLY_ADD = 2


def training_flops(
    encoder: EncoderConfig,
    num_logits: int,
    sums: Mapping[str, float],
    decoder: DecoderConfig | None = None,
) -> float:
    """Counts what the matrix products of some updates need, forward and backward.

    A multiply-add is 2 operations, and a backward pass is 2 forward ones: each product has a
    gradient by either factor (Kaplan et al. 2020, https://arxiv.org/abs/2001.08361, section 2.1).
    Only real tokens and predictions count: what is computed on padding is no use. Left out are
    embeddings, biases, norms, softmax, activations, dropout and the optimizer, which is usual for
    the model FLOP utilisation. The keys and values of the last block count once where two heads
    read other tokens of it, though graphs compute them for each.

    Args:
      encoder: sizes of the encoder.
      num_logits: of a prediction: tokens of the vocabulary, or labels; of an adaptive softmax those
        that are computed for every one, so the products of its clusters are left out.
      sums: of the updates:
        sequences: what the encoder reads: real rows, or windows of documents.
        tokens: real tokens of the sequences.
        token_pairs: sum of the squared lengths of sequences, what attention compares.
        masked_entries: tokens that a masked LM predicts; if missing, the model is a classifier.
        pair_entries: rows whose order of segments a masked LM predicts, if it does.
        rows: real rows; what a classifier predicts.
        token_entries: tokens that a decoder predicts, if there is one.
      decoder: sizes of the decoder, if there is one. Its attention, which the sums do not tell and
        which is little where targets are short, is left out.

    Returns:
      Floating-point operations.
    """
    hidden, wide = encoder.hidden_dim, encoder.intermediate_dim
    # Query, key, value and output are hidden x hidden each; then the two feed-forward layers.
    block_per_token = 4 * hidden * hidden + 2 * hidden * wide
    # Scores of a pair, and its share in the mixed values; all heads together are `hidden` wide.
    block_per_pair = 2 * hidden
    blocks = sums["tokens"] * block_per_token + sums["token_pairs"] * block_per_pair
    products = encoder.num_layers * blocks
    if decoder is None:
        products -= _unread_products(hidden, wide, sums)
        products += _head_products(hidden, num_logits, sums)
    else:
        products += _decoder_products(hidden, num_logits, sums, decoder)
    return _FORWARD_AND_BACKWARD * _PER_MULTIPLY_ADD * products


def multitask_flops(encoder: EncoderConfig, sums: Mapping[str, float]) -> float:
    """Counts the operations of updates of several tasks; see `training_flops`.

    The logits of the tasks, which are few beside all else, are left out.

    Args:
      encoder: sizes of the encoder.
      sums: of the updates; those of the masked LM's terms have its name before them.
    """
    if "masked_lm/masked_entries" not in sums:
        return training_flops(encoder, 0, sums)
    masked = {**sums, "masked_entries": sums["masked_lm/masked_entries"]}
    hidden = encoder.hidden_dim
    first = _behind_attention(hidden, encoder.intermediate_dim) + hidden * hidden
    products = training_flops(encoder, encoder.vocabulary_size, masked)
    return products + _FORWARD_AND_BACKWARD * _PER_MULTIPLY_ADD * sums["sequences"] * first


def _unread_products(hidden: int, wide: int, sums: Mapping[str, float]) -> float:
    """Returns the multiply-adds of the last block that the head has no use for.

    Only the tokens that it reads go through the layers behind attention: a classifier's first one,
    which alone attends, or those that a masked LM predicts.
    """
    if "masked_entries" in sums:
        read, pairs = sums["masked_entries"] + sums.get("pair_entries", 0.0), 0.0
    else:
        read, pairs = sums["sequences"], sums["token_pairs"] - sums["tokens"]
    return (sums["tokens"] - read) * _behind_attention(hidden, wide) + pairs * 2 * hidden


def _behind_attention(hidden: int, wide: int) -> int:
    """Returns a token's multiply-adds in the layers of a block behind attention."""
    return hidden * hidden + 2 * hidden * wide


def _head_products(hidden: int, num_logits: int, sums: Mapping[str, float]) -> float:
    """Returns the multiply-adds of the forward pass behind the encoder's last block."""

    def dense_and_logits(size: int) -> int:
        return hidden * hidden + hidden * size

    if "masked_entries" not in sums:
        pooler = sums["sequences"] * hidden * hidden
        return pooler + sums["rows"] * hidden * num_logits
    masked = sums["masked_entries"] * dense_and_logits(num_logits)
    return masked + sums.get("pair_entries", 0.0) * dense_and_logits(2)


def _decoder_products(
    hidden: int, num_logits: int, sums: Mapping[str, float], decoder: DecoderConfig
) -> float:
    """Returns the multiply-adds of a decoder's forward pass, without attention."""
    # Query, key, value and output; query and output of the attention to the encoder.
    block_per_target = 6 * hidden * hidden + 2 * hidden * decoder.intermediate_dim
    block_per_source = 2 * hidden * hidden
    blocks = sums["token_entries"] * block_per_target + sums["tokens"] * block_per_source
    return decoder.num_layers * blocks + sums["token_entries"] * hidden * num_logits
