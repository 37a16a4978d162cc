"""BERT in float64 numpy, one text at a time, written from the papers.

Devlin et al. 2018, https://arxiv.org/abs/1810.04805, and Vaswani et al. 2017,
https://arxiv.org/abs/1706.03762 (blocks, equations 1 and 2), in the post-norm order of both.
"""

import math

import numpy as np

from keras_bert_cls.modeling.config import EncoderConfig

Weights = dict[str, np.ndarray]

_erf = np.vectorize(math.erf, otypes=[np.float64])

ACTIVATIONS = {
    "gelu": lambda x: x / 2 * (1 + _erf(x / math.sqrt(2))),
    "gelu_tanh": lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "relu": lambda x: np.where(x > 0, x, 0),
}


class NumpyBert:
    """Computes what a Keras model of ours should, from its weights.

    Args:
      model: the Keras model; its weights are found by their paths.
      config: of its encoder.
    """

    def __init__(self, model, config: EncoderConfig):
        self.config = config
        self.weights = {v.path: v.numpy().astype(np.float64) for v in model.weights}

    def sequence_output(self, token_ids, segment_ids, padding_mask) -> np.ndarray:
        """[batch, length, hidden]; what it holds at padding means nothing."""
        rows = zip(token_ids, segment_ids, padding_mask, strict=True)
        return np.stack([self._encode(*row) for row in rows])

    def pooled_output(self, sequence_output) -> np.ndarray:
        return np.tanh(self._dense(sequence_output[:, 0], "pooler"))

    def masked_lm_logits(self, sequence_output, mask_positions) -> np.ndarray:
        x = np.take_along_axis(sequence_output, mask_positions[:, :, np.newaxis], axis=1)
        x = ACTIVATIONS[self.config.activation](self._dense(x, "masked_lm_dense"))
        x = self._norm(x, "masked_lm_norm")
        embeddings = self.weights["token_embedding/embeddings"]
        return x @ embeddings.T + self.weights["masked_lm_bias/bias"]

    def logits(self, pooled_output, head: str) -> np.ndarray:
        return self._dense(pooled_output, head)

    def _encode(self, token_ids, segment_ids, padding_mask):
        x = (
            self.weights["token_embedding/embeddings"][token_ids]
            + self.weights["position_embedding/embeddings"][: len(token_ids)]
            + self.weights["segment_embedding/embeddings"][segment_ids]
        )
        x = self._norm(x, "embeddings_norm")
        for index in range(self.config.num_layers):
            block = f"block_{index}"
            attended = self._attention(x, padding_mask, block)
            attended = self._dense(attended, f"{block}/attention_output")
            x = self._norm(x + attended, f"{block}/attention_norm")
            inner = ACTIVATIONS[self.config.activation](self._dense(x, f"{block}/intermediate"))
            x = self._norm(x + self._dense(inner, f"{block}/output"), f"{block}/output_norm")
        return x

    def _attention(self, x, padding_mask, block):
        query, key, value = np.split(self._dense(x, f"{block}/query_key_value"), 3, axis=-1)
        width = self.config.hidden_dim // self.config.num_heads
        heads = []
        for start in range(0, self.config.hidden_dim, width):
            part = slice(start, start + width)
            scores = query[:, part] @ key[:, part].T / math.sqrt(width)
            scores[:, padding_mask == 0] = -np.inf
            weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
            heads.append(weights / weights.sum(axis=-1, keepdims=True) @ value[:, part])
        return np.concatenate(heads, axis=-1)

    def _dense(self, x, name):
        return x @ self.weights[f"{name}/kernel"] + self.weights[f"{name}/bias"]

    def _norm(self, x, name):
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = (centred**2).mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt(variance + self.config.layer_norm_epsilon)
        return scaled * self.weights[f"{name}/gamma"] + self.weights[f"{name}/beta"]
