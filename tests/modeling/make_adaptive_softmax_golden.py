"""Writes adaptive_softmax_golden.json: torch.nn.AdaptiveLogSoftmaxWithLoss in float64.

python -m venv /tmp/torch
/tmp/torch/bin/pip install torch==2.13.0
/tmp/torch/bin/python tests/modeling/make_adaptive_softmax_golden.py
"""

import json
import pathlib

import torch

CASES = {
    "one cluster": {"num_classes": 11, "cutoffs": [4], "div_value": 4.0, "head_bias": False},
    "bias": {"num_classes": 20, "cutoffs": [3, 5, 12], "div_value": 2.0, "head_bias": True},
    "odd widths": {"num_classes": 17, "cutoffs": [1, 16], "div_value": 2.5, "head_bias": True},
    "unused cluster": {"num_classes": 15, "cutoffs": [5, 9], "div_value": 1.0, "head_bias": False},
}
CONSTRUCTOR = [
    (10, []),
    (10, [10]),
    (10, [9]),
    (10, [0, 5]),
    (10, [-1, 5]),
    (10, [5, 3]),
    (10, [3, 3]),
    (10, [2, 3, 9]),
    (10, [2.5, 4]),
    (10, [1, 11]),
    (2, [1]),
    (1, [1]),
]
ROWS, HIDDEN = 8, 9


def golden(num_classes, cutoffs, div_value, head_bias, skipped=()) -> dict:
    """Returns weights, inputs and everything that torch makes of them."""
    layer = torch.nn.AdaptiveLogSoftmaxWithLoss(
        HIDDEN, num_classes, cutoffs, div_value=div_value, head_bias=head_bias
    ).double()
    with torch.no_grad():
        for weight in layer.parameters():
            weight.normal_()
    hidden = torch.randn(ROWS, HIDDEN, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([i for i in range(num_classes) if i not in skipped])
    target = target[torch.randint(len(target), (ROWS,))]
    output, loss = layer(hidden, target)
    loss.backward()
    weights = dict(layer.named_parameters())
    return {
        "settings": {
            "num_classes": num_classes,
            "cutoffs": cutoffs,
            "div_value": div_value,
            "head_bias": head_bias,
        },
        "weights": {_ours(name): weight.tolist() for name, weight in weights.items()},
        "hidden": hidden.tolist(),
        "target": target.tolist(),
        "output": output.tolist(),
        "loss": loss.item(),
        "log_prob": layer.log_prob(hidden).tolist(),
        "predict": layer.predict(hidden).tolist(),
        "hidden_gradient": hidden.grad.tolist(),
        "gradients": {_ours(name): _gradient(weight).tolist() for name, weight in weights.items()},
    }


def _gradient(weight: torch.Tensor) -> torch.Tensor:
    # None in a cluster that no target lies in.
    return torch.zeros_like(weight) if weight.grad is None else weight.grad


def _ours(name: str) -> str:
    """Turns torch's name of a weight, such as tail.0.1.weight, into that of AdaptiveSoftmax."""
    if name.startswith("head"):
        return "head_bias" if name.endswith("bias") else "head"
    _, cluster, product, _ = name.split(".")
    return f"{'projection' if product == '0' else 'tail'}_{int(cluster) + 1}"


def refused(num_classes, cutoffs) -> bool:
    """Tells whether torch refuses the arguments."""
    try:
        torch.nn.AdaptiveLogSoftmaxWithLoss(HIDDEN, num_classes, cutoffs, div_value=1.0)
    except ValueError:
        return True
    return False


def main() -> None:
    torch.manual_seed(0)
    found = {
        name: golden(**case, skipped=range(5, 9) if name == "unused cluster" else ())
        for name, case in CASES.items()
    }
    constructor = [
        {"num_classes": size, "cutoffs": cutoffs, "refused": refused(size, cutoffs)}
        for size, cutoffs in CONSTRUCTOR
    ]
    content = {"torch": torch.__version__, "cases": found, "constructor": constructor}
    output = pathlib.Path(__file__).with_name("adaptive_softmax_golden.json")
    output.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
