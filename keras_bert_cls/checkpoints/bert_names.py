"""The names that weights have in Google's checkpoints and in Hugging Face's.

Both come from google-research/bert's modeling.py and run_pretraining.py; Hugging Face writes dots
for slashes, "weight" for a kernel, which it stores as [outputs, inputs], and for gamma.
"""

import re

from keras_bert_cls.checkpoints.weight_link import WeightLink

_EMBEDDINGS = {
    "token_embedding": "embeddings/word_embeddings",
    "position_embedding": "embeddings/position_embeddings",
    "segment_embedding": "embeddings/token_type_embeddings",
}
_ENCODER = {"embeddings_norm": "embeddings/LayerNorm", "pooler": "pooler/dense"}
_BLOCK = {
    "query_key_value": ("attention/self/query", "attention/self/key", "attention/self/value"),
    "attention_output": ("attention/output/dense",),
    "attention_norm": ("attention/output/LayerNorm",),
    "intermediate": ("intermediate/dense",),
    "output": ("output/dense",),
    "output_norm": ("output/LayerNorm",),
}
_MASKED_LM = {
    "masked_lm_dense": "cls/predictions/transform/dense",
    "masked_lm_norm": "cls/predictions/transform/LayerNorm",
}
_GOOGLE_HEADS = {
    "masked_lm_bias/bias": "cls/predictions/output_bias",
    "pair_logits/kernel": "cls/seq_relationship/output_weights",
    "pair_logits/bias": "cls/seq_relationship/output_bias",
    "logits/kernel": "output_weights",
    "logits/bias": "output_bias",
}
_HUGGINGFACE_HEADS = {
    "masked_lm_bias/bias": "cls.predictions.bias",
    "pair_logits/kernel": "cls.seq_relationship.weight",
    "pair_logits/bias": "cls.seq_relationship.bias",
    "logits/kernel": "classifier.weight",
    "logits/bias": "classifier.bias",
}
_HUGGINGFACE_WEIGHTS = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}


def google_link(path: str) -> WeightLink:
    """Returns where Google's code stores the weight of ours at `path`."""
    if path in _GOOGLE_HEADS:
        return WeightLink((_GOOGLE_HEADS[path],), transposed=path.endswith("/kernel"))
    layer, weight = path.rsplit("/", 1)
    if layer in _EMBEDDINGS:
        return WeightLink((f"bert/{_EMBEDDINGS[layer]}",))
    if layer in _MASKED_LM:
        return WeightLink((f"{_MASKED_LM[layer]}/{weight}",))
    return WeightLink(tuple(f"bert/{name}/{weight}" for name in _encoder_layers(layer)))


def huggingface_link(path: str, prefix: str = "bert.") -> WeightLink:
    """Returns where transformers stores the weight of ours at `path`.

    Args:
      path: such as "block_0/output/kernel".
      prefix: what names of the encoder begin with: "bert.", or "" if a bare BertModel was saved.
    """
    transposed = path.endswith("/kernel")
    if path in _HUGGINGFACE_HEADS:
        return WeightLink((_HUGGINGFACE_HEADS[path],), transposed)
    layer, weight = path.rsplit("/", 1)
    if layer in _EMBEDDINGS:
        return WeightLink((f"{prefix}{_dotted(_EMBEDDINGS[layer])}.weight",))
    weight = _HUGGINGFACE_WEIGHTS[weight]
    if layer in _MASKED_LM:
        return WeightLink((f"{_dotted(_MASKED_LM[layer])}.{weight}",), transposed)
    names = tuple(f"{prefix}{_dotted(name)}.{weight}" for name in _encoder_layers(layer))
    return WeightLink(names, transposed)


def _encoder_layers(layer: str) -> tuple[str, ...]:
    block = re.fullmatch(r"block_(\d+)/(\w+)", layer)
    if block is None:
        return (_ENCODER[layer],)
    return tuple(f"encoder/layer_{block[1]}/{name}" for name in _BLOCK[block[2]])


def _dotted(name: str) -> str:
    return re.sub(r"layer_(\d+)/", r"layer/\1/", name).replace("/", ".")
