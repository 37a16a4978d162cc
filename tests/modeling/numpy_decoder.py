"""The Transformer of Vaswani et al. 2017 in float64 numpy, one text at a time, from the paper.

https://arxiv.org/abs/1706.03762, sections 3.1 to 3.5; the pre-norm order is that of Xiong et al.
2020, https://arxiv.org/abs/2002.04745, figure 1.
"""

import math

import numpy as np
from numpy_bert import ACTIVATIONS, NumpyBert

from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.decoder_config import DecoderConfig


def sinusoid(length: int, width: int) -> np.ndarray:
    """The table of section 3.5, float64 [length, width]."""
    table = np.zeros((length, width))
    for position in range(length):
        for column in range(width):
            angle = position / 10000 ** (column // 2 * 2 / width)
            table[position, column] = math.cos(angle) if column % 2 else math.sin(angle)
    return table


class NumpySeq2Seq(NumpyBert):
    """Computes what a Keras model of `seq2seq_model` should, from its weights."""

    def __init__(self, model, config: EncoderConfig, decoder: DecoderConfig):
        super().__init__(model, config)
        self.decoder = decoder
        for name in ("position_embedding", "decoder_position_embedding"):
            if f"{name}/embeddings" not in self.weights:
                table = sinusoid(64, config.hidden_dim) / math.sqrt(config.hidden_dim)
                self.weights[f"{name}/embeddings"] = table

    def decoder_logits(self, inputs, decoder_token_ids) -> np.ndarray:
        """[batch, target length, vocabulary]."""
        read = [inputs[name] for name in ("token_ids", "segment_ids", "padding_mask")]
        rows = zip(self.sequence_output(*read), read[2], decoder_token_ids, strict=True)
        return np.stack([self._decode(memory[mask > 0], ids) for memory, mask, ids in rows])

    def _decode(self, memory, ids):
        own = "decoder_token_embedding/embeddings"
        tied = "token_embedding/embeddings"
        embeddings = self.weights[own if own in self.weights else tied]
        x = embeddings[ids] + self.weights["decoder_position_embedding/embeddings"][: len(ids)]
        x = self._norm(x, "decoder_embeddings_norm")
        for index in range(self.decoder.num_layers):
            x = self._block(x, memory, f"decoder_block_{index}")
        if self.decoder.norm == "pre":
            x = self._norm(x, "decoder_norm")
        return x @ embeddings.T + self.weights["decoder_bias/bias"]

    def _block(self, x, memory, name):
        def back(y):
            parts = np.split(self._dense(y, f"{name}/query_key_value"), 3, axis=-1)
            seen = np.tril(np.ones((len(y), len(y)), bool))
            return self._dense(self._heads(*parts, seen), f"{name}/attention_output")

        def across(y):
            query = self._dense(y, f"{name}/memory_query")
            parts = np.split(self._dense(memory, f"{name}/memory_key_value"), 2, axis=-1)
            seen = np.ones((len(y), len(memory)), bool)
            return self._dense(self._heads(query, *parts, seen), f"{name}/memory_output")

        def feed_forward(y):
            inner = ACTIVATIONS[self.config.activation](self._dense(y, f"{name}/intermediate"))
            return self._dense(inner, f"{name}/output")

        for sublayer, norm in ((back, "attention"), (across, "memory"), (feed_forward, "output")):
            norm = f"{name}/{norm}_norm"
            if self.decoder.norm == "pre":
                x = x + sublayer(self._norm(x, norm))
            else:
                x = self._norm(x + sublayer(x), norm)
        return x

    def _heads(self, query, key, value, seen):
        width = self.config.hidden_dim // self.decoder.num_heads
        heads = []
        for start in range(0, self.config.hidden_dim, width):
            part = slice(start, start + width)
            scores = query[:, part] @ key[:, part].T / math.sqrt(width)
            scores[~seen] = -np.inf
            weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
            heads.append(weights / weights.sum(axis=-1, keepdims=True) @ value[:, part])
        return np.concatenate(heads, axis=-1)
