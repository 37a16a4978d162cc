"""Small Hugging Face checkpoints, one for each kind that the import must understand."""

import dataclasses
import pathlib

from random_bert import CONFIG, huggingface_weights, random_weights, write_huggingface_folder


@dataclasses.dataclass(frozen=True)
class Case:
    """A checkpoint: the class that saved it, what its config says, what it holds."""

    architecture: str
    config: dict
    parts: dict
    prefix: str = "bert."


CASES = {
    "encoder": Case("BertModel", {"hidden_act": "gelu"}, {}, prefix=""),
    "encoder without pooler": Case("BertModel", {"layer_norm_eps": 1e-5}, {"pooler": False}, ""),
    "classifier": Case(
        "BertForSequenceClassification",
        {
            "hidden_act": "gelu_new",
            "classifier_dropout": 0.4,
            "id2label": {"0": "差", "1": "neutral", "2": "very good"},
        },
        {"labels": 3},
    ),
    "multi-label": Case(
        "BertForSequenceClassification",
        {
            "hidden_act": "relu",
            "problem_type": "multi_label_classification",
            "id2label": {"0": "a", "1": "b", "2": "c", "3": "d"},
        },
        {"labels": 4},
    ),
    "regression": Case("BertForSequenceClassification", {"id2label": {"0": "x"}}, {"labels": 1}),
    "pretraining": Case("BertForPreTraining", {}, {"masked_lm": True, "pairs": True}),
    "masked lm": Case(
        "BertForMaskedLM",
        {"hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-3},
        {"masked_lm": True, "pooler": False},
    ),
}


def write_case(folder: pathlib.Path, name: str) -> pathlib.Path:
    case = CASES[name]
    weights = huggingface_weights(random_weights(CONFIG, **case.parts), case.prefix)
    config = {**case.config, "architectures": [case.architecture]}
    return write_huggingface_folder(folder, weights, config)
