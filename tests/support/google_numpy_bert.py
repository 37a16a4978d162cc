"""BERT in float64 numpy on tensors with google-research/bert's names, written from its modeling.py.

https://github.com/google-research/bert/blob/master/modeling.py (transformer_model) and
run_pretraining.py (get_masked_lm_output).
"""

import math

import numpy as np

Tensors = dict[str, np.ndarray]


def gelu(x):
    return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def sequence_output(weights: Tensors, config: dict, token_ids, segment_ids, mask) -> np.ndarray:
    """Returns [batch, length, hidden]; what it holds at padding means nothing."""
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    length = token_ids.shape[1]
    x = (
        w["bert/embeddings/word_embeddings"][token_ids]
        + w["bert/embeddings/token_type_embeddings"][segment_ids]
        + w["bert/embeddings/position_embeddings"][:length]
    )
    x = norm(w, "bert/embeddings/LayerNorm", x)
    for index in range(config["num_hidden_layers"]):
        layer = f"bert/encoder/layer_{index}"
        attended = attention(w, f"{layer}/attention/self", x, mask, config["num_attention_heads"])
        attended = dense(w, f"{layer}/attention/output/dense", attended)
        x = norm(w, f"{layer}/attention/output/LayerNorm", x + attended)
        wide = gelu(dense(w, f"{layer}/intermediate/dense", x))
        x = norm(w, f"{layer}/output/LayerNorm", x + dense(w, f"{layer}/output/dense", wide))
    return x


def attention(w, name, x, mask, num_heads):
    batch, length, hidden = x.shape

    def heads(part):
        projected = dense(w, f"{name}/{part}", x)
        return projected.reshape(batch, length, num_heads, -1).transpose(0, 2, 1, 3)

    scores = heads("query") @ heads("key").transpose(0, 1, 3, 2)
    scores = scores / math.sqrt(hidden // num_heads) - 10000.0 * (1 - mask)[:, None, None, :]
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = weights / weights.sum(-1, keepdims=True) @ heads("value")
    return mixed.transpose(0, 2, 1, 3).reshape(batch, length, hidden)


def pooled_output(w, sequence):
    return np.tanh(dense(w, "bert/pooler/dense", sequence[:, 0]))


def masked_lm_logits(w, sequence, positions):
    x = np.take_along_axis(sequence, positions[:, :, None], axis=1)
    x = norm(w, "cls/predictions/transform/LayerNorm", gelu(dense(w, _TRANSFORM, x)))
    return x @ w["bert/embeddings/word_embeddings"].T + w["cls/predictions/output_bias"]


def head_logits(w, name, pooled):
    return pooled @ w[f"{name}output_weights"].T + w[f"{name}output_bias"]


_TRANSFORM = "cls/predictions/transform/dense"


def dense(w, name, x):
    return x @ w[f"{name}/kernel"] + w[f"{name}/bias"]


def norm(w, name, x):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return scaled * w[f"{name}/gamma"] + w[f"{name}/beta"]
