"""Imports point one way, from text to the programs."""

import ast
import pathlib

import keras_bert_cls

PACKAGE = pathlib.Path(keras_bert_cls.__file__).parent
LEVELS = {
    "errors": 0,
    "atomic_file": 0,
    "cpus": 1,
    "counter_random": 0,
    "predictions": 0,
    "proportions": 0,
    "text": 1,
    "data": 2,
    "modeling": 3,
    "checkpoints": 4,
    "training": 5,
    "export": 5,
    "inference": 6,
    "data_check": 6,
    "masked_lm": 6,
    "transducer": 6,
    "calibration": 6,
    "evaluation": 7,
    "server": 7,
    "client": 7,
    "loadtest": 8,
    "launching": 8,
    "sweep": 9,
    "cli": 10,
}


def part_of(module: str) -> str:
    """Returns the part of the package that a module belongs to."""
    return module.split(".")[1] if module.count(".") else ""


def imports_of(path: pathlib.Path) -> set[str]:
    """Returns the modules of ours that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("keras_bert_cls."):
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.startswith("keras_bert_cls.")}
    return found


def test_imports_point_one_way():
    checked = 0
    for path in PACKAGE.rglob("*.py"):
        own = part_of(
            ".".join(("keras_bert_cls", *path.relative_to(PACKAGE).with_suffix("").parts))
        )
        if own not in LEVELS:
            continue
        for module in imports_of(path):
            other = part_of(module)
            checked += 1
            assert other in LEVELS, f"{path} imports {module}"
            same = own == other
            assert same or LEVELS[other] < LEVELS[own], f"{path} imports {module}"
    assert checked > 100
