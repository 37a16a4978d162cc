"""The names that weights have in the HDF5 files of keras-nlp (keras-hub).

Keras names a group by the class of its layer, with a number from the second on.
"""

import re

from keras_bert_cls.checkpoints.weight_link import WeightLink

_LAYERS = {
    "token_embedding": "reversible_embedding",
    "position_embedding": "position_embedding",
    "segment_embedding": "embedding",
    "embeddings_norm": "layer_normalization",
    "pooler": "dense",
}
_ATTENTION = "_self_attention_layer"
_BLOCK = {
    "attention_output": f"{_ATTENTION}/output_dense",
    "attention_norm": "_self_attention_layer_norm",
    "intermediate": "_feedforward_intermediate_dense",
    "output": "_feedforward_output_dense",
    "output_norm": "_feedforward_layer_norm",
}
_HEADS = {
    "logits/kernel": "dense/vars/0",
    "logits/bias": "dense/vars/1",
    "masked_lm_dense/kernel": "masked_lm_head/_intermediate_dense/vars/0",
    "masked_lm_dense/bias": "masked_lm_head/_intermediate_dense/vars/1",
    "masked_lm_norm/gamma": "masked_lm_head/_intermediate_layer_norm/vars/0",
    "masked_lm_norm/beta": "masked_lm_head/_intermediate_layer_norm/vars/1",
    "masked_lm_bias/bias": "masked_lm_head/vars/0",
}
_PLACES = {"embeddings": 0, "kernel": 0, "bias": 1, "gamma": 0, "beta": 1}


def keras_nlp_link(path: str, hidden_dim: int, num_heads: int, backbone: str = "") -> WeightLink:
    """Returns where keras-nlp stores the weight of ours at `path`.

    Args:
      path: such as "block_0/output/kernel".
      hidden_dim: of the encoder.
      num_heads: of the encoder: attention's kernels have an axis for heads.
      backbone: the group of the backbone inside a task's file, with a slash at its end.
    """
    if path in _HEADS:
        return WeightLink((f"layers/{_HEADS[path]}",))
    layer, weight = path.rsplit("/", 1)
    place = f"vars/{_PLACES[weight]}"
    block = re.fullmatch(r"block_(\d+)/(\w+)", layer)
    if block is None:
        return WeightLink((f"{backbone}layers/{_LAYERS[layer]}/{place}",))
    number, part = block.groups()
    group = f"{backbone}layers/transformer_encoder" + (f"_{number}" if number != "0" else "")
    heads = (num_heads, hidden_dim // num_heads)
    if part == "query_key_value":
        names = tuple(
            f"{group}/{_ATTENTION}/{name}_dense/{place}" for name in ("query", "key", "value")
        )
        return WeightLink(names, shape=(hidden_dim, *heads) if weight == "kernel" else heads)
    shape = (*heads, hidden_dim) if (part, weight) == ("attention_output", "kernel") else None
    return WeightLink((f"{group}/{_BLOCK[part]}/{place}",), shape=shape)
