"""Small BERTs with seeded random weights, in the names of google-research/bert and transformers.

Needs numpy alone (safetensors to write a folder), so that the maker of golden numbers can run where
transformers is.
"""

import json
import pathlib
import re

import numpy as np

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TOKENS = [
    *SPECIAL_TOKENS,
    *("the", "movie", "was", "good", "play", "##ing", "##ed", "re", "##sume", "naive"),
    *("中", "国", "电", "影", "，", "！", ",", "!", ".", "é", "e", "ΐ"),
]
CASED_TOKENS = [*TOKENS, "The", "Movie", "Ré", "##sumé", "E"]

CONFIG = {
    "vocab_size": len(TOKENS),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.2,
    "attention_probs_dropout_prob": 0.3,
    "max_position_embeddings": 20,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
}

TOKEN_IDS = np.array(
    [[2, 5, 6, 7, 8, 3, 0, 0], [2, 15, 16, 3, 17, 18, 20, 3], [2, 3, 9, 9, 9, 9, 9, 9]], np.int32
)
SEGMENT_IDS = np.array([[0] * 8, [0, 0, 0, 0, 1, 1, 1, 1], [1] * 8], np.int32)
PADDING_MASK = np.array([[1] * 6 + [0, 0], [1] * 8, [1, 1] + [0] * 6], np.int32)
MASK_POSITIONS = np.array([[1, 5], [7, 2], [0, 1]], np.int32)


def random_weights(
    config: dict = CONFIG,
    *,
    pooler: bool = True,
    masked_lm: bool = False,
    pairs: bool = False,
    labels: int = 0,
) -> dict[str, np.ndarray]:
    """Returns a checkpoint's tensors, float32, by google-research/bert's names."""
    hidden, wide = config["hidden_size"], config["intermediate_size"]
    shapes: dict[str, tuple[int, ...]] = {
        "bert/embeddings/word_embeddings": (config["vocab_size"], hidden),
        "bert/embeddings/position_embeddings": (config["max_position_embeddings"], hidden),
        "bert/embeddings/token_type_embeddings": (config["type_vocab_size"], hidden),
    }

    def dense(name, inputs, outputs):
        shapes[f"{name}/kernel"] = (inputs, outputs)
        shapes[f"{name}/bias"] = (outputs,)

    def norm(name):
        shapes[f"{name}/gamma"] = shapes[f"{name}/beta"] = (hidden,)

    norm("bert/embeddings/LayerNorm")
    for index in range(config["num_hidden_layers"]):
        layer = f"bert/encoder/layer_{index}"
        for name in ("query", "key", "value"):
            dense(f"{layer}/attention/self/{name}", hidden, hidden)
        dense(f"{layer}/attention/output/dense", hidden, hidden)
        norm(f"{layer}/attention/output/LayerNorm")
        dense(f"{layer}/intermediate/dense", hidden, wide)
        dense(f"{layer}/output/dense", wide, hidden)
        norm(f"{layer}/output/LayerNorm")
    if pooler:
        dense("bert/pooler/dense", hidden, hidden)
    if masked_lm:
        dense("cls/predictions/transform/dense", hidden, hidden)
        norm("cls/predictions/transform/LayerNorm")
        shapes["cls/predictions/output_bias"] = (config["vocab_size"],)
    if pairs:
        shapes["cls/seq_relationship/output_weights"] = (2, hidden)
        shapes["cls/seq_relationship/output_bias"] = (2,)
    if labels:
        shapes["output_weights"], shapes["output_bias"] = (labels, hidden), (labels,)
    generator = np.random.default_rng(11)
    return {
        name: (generator.normal(0, 0.3, shape) + name.endswith("/gamma")).astype(np.float32)
        for name, shape in shapes.items()
    }


_HUGGINGFACE_HEADS = {
    "cls/predictions/output_bias": "cls.predictions.bias",
    "cls/seq_relationship/output_weights": "cls.seq_relationship.weight",
    "cls/seq_relationship/output_bias": "cls.seq_relationship.bias",
    "output_weights": "classifier.weight",
    "output_bias": "classifier.bias",
}


def huggingface_weights(weights: dict[str, np.ndarray], prefix: str = "bert."):
    """Returns the same tensors as transformers names and lays them out."""
    renamed = {}
    for name, value in weights.items():
        if name in _HUGGINGFACE_HEADS:
            renamed[_HUGGINGFACE_HEADS[name]] = value
            continue
        name = re.sub(r"layer_(\d+)", r"layer/\1", name).replace("/", ".")
        if name.endswith(".kernel"):
            name, value = name.replace(".kernel", ".weight"), np.ascontiguousarray(value.T)
        if name.endswith("_embeddings"):
            name += ".weight"
        name = name.replace(".gamma", ".weight").replace(".beta", ".bias")
        renamed[re.sub(r"^bert\.", prefix, name)] = value
    return renamed


def write_huggingface_folder(
    folder: pathlib.Path,
    tensors: dict[str, np.ndarray],
    config: dict,
    tokens: list[str] = TOKENS,
    tokenizer_config: dict | None = None,
) -> pathlib.Path:
    """Writes config.json, model.safetensors, vocab.txt and, if given, tokenizer_config.json."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    content = {"model_type": "bert", **CONFIG, **config}
    (folder / "config.json").write_text(json.dumps(content))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    write_vocabulary(folder, tokens)
    if tokenizer_config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    return folder


def write_vocabulary(folder: pathlib.Path, tokens: list[str] = TOKENS) -> None:
    text = "".join(f"{token}\n" for token in tokens)
    (folder / "vocab.txt").write_text(text, encoding="utf-8", newline="\n")
