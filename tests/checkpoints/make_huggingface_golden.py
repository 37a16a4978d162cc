"""Writes huggingface_golden.json: what transformers says to the cases of tests/support.

python -m venv /tmp/huggingface
/tmp/huggingface/bin/pip install torch==2.13.0 transformers==5.23.0 safetensors==0.8.0
PYTHONPATH=tests/support /tmp/huggingface/bin/python tests/checkpoints/make_huggingface_golden.py
"""

import json
import pathlib
import tempfile

import torch
import transformers
from huggingface_cases import CASES, write_case
from random_bert import MASK_POSITIONS, PADDING_MASK, SEGMENT_IDS, TOKEN_IDS
from tokenizer_cases import TEXTS, TOKENIZERS, write_tokenizer

OUTPUT = pathlib.Path(__file__).with_name("huggingface_golden.json")


def model_outputs(name: str, folder: pathlib.Path) -> dict[str, list]:
    """Returns a model's outputs, named as ours are; hidden states at padding are 0."""
    case = CASES[name]
    options = {"add_pooling_layer": False} if name == "encoder without pooler" else {}
    model = getattr(transformers, case.architecture).from_pretrained(folder, **options).eval()
    inputs = {
        "input_ids": torch.tensor(TOKEN_IDS).long(),
        "token_type_ids": torch.tensor(SEGMENT_IDS).long(),
        "attention_mask": torch.tensor(PADDING_MASK).long(),
    }
    with torch.no_grad():
        answer = model(**inputs)
    positions = torch.tensor(MASK_POSITIONS).long()[:, :, None]
    match case.architecture:
        case "BertModel":
            real = inputs["attention_mask"][:, :, None]
            outputs = {"sequence_output": answer.last_hidden_state * real}
            if answer.pooler_output is not None:
                outputs["pooled_output"] = answer.pooler_output
        case "BertForPreTraining":
            outputs = {
                "logits": torch.take_along_dim(answer.prediction_logits, positions, 1),
                "pair_logits": answer.seq_relationship_logits,
            }
        case "BertForMaskedLM":
            outputs = {"logits": torch.take_along_dim(answer.logits, positions, 1)}
        case _:
            outputs = {"logits": answer.logits}
    return {name: rounded(value.tolist()) for name, value in outputs.items()}


def rounded(value):
    return [rounded(v) for v in value] if isinstance(value, list) else round(value, 6)


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        outputs = {name: model_outputs(name, write_case(folder / name, name)) for name in CASES}
        token_ids = {}
        for name in TOKENIZERS:
            path = write_tokenizer(folder / f"tokenizer {name}", name)
            tokenizer = transformers.BertTokenizer.from_pretrained(path)
            token_ids[name] = [
                tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXTS
            ]
    golden = {
        "versions": {"transformers": transformers.__version__, "torch": torch.__version__},
        "outputs": outputs,
        "token_ids": token_ids,
    }
    OUTPUT.write_text(json.dumps(golden, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
