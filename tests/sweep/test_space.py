"""Search spaces: read, checked, and handed to runs as flags."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.cli.config_flag import override_config
from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.errors import UserError
from keras_bert_cls.sweep.config_fields import (
    as_flags,
    changed_values,
    check_space,
    field_values,
    with_values,
)
from keras_bert_cls.sweep.space import Choices, Integers, LogUniform, Uniform, load_space
from keras_bert_cls.training.config import FinetuneConfig, TokenizerConfig

CONFIG = FinetuneConfig(
    tokenizer=TokenizerConfig(vocabulary="vocab.txt"),
    data=ClassificationData(
        train_files=("a b.tsv", "c.tsv"), dev_files=("d.tsv",), label_column="label"
    ),
)
TOML = """
seed = {choices = [1, 2]}
[optimizer]
learning_rate = {loguniform = [1e-5, 1e-3]}
[head]
dropout = {uniform = [0, 0.5]}
class_weights = {choices = [[], [["好", 2.0]]]}
[train]
epochs = {integers = [2, 5]}
"""
PYTHON = """
from keras_bert_cls.sweep.space import Choices, Integers, LogUniform, Uniform

def get_space():
    return {
        "seed": Choices((1, 2)),
        "optimizer.learning_rate": LogUniform(1e-5, 1e-3),
        "head.dropout": Uniform(0, 0.5),
        "head.class_weights": Choices(((), (("好", 2.0),))),
        "train.epochs": Integers(2, 5),
    }
"""


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_toml_and_python_say_the_same(tmp_path):
    space = load_space(write(tmp_path, "space.toml", TOML))
    assert space == load_space(write(tmp_path, "space.py", PYTHON))
    assert space == {
        "seed": Choices((1, 2)),
        "optimizer.learning_rate": LogUniform(1e-5, 1e-3),
        "head.dropout": Uniform(0, 0.5),
        "head.class_weights": Choices(((), (("好", 2.0),))),
        "train.epochs": Integers(2, 5),
    }
    check_space(space, CONFIG, seeds=1)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("s.toml", "a = 3", "a must be {choices"),
        ("s.toml", "a = {choice = [1]}", "Did you mean 'choices'"),
        ("s.toml", "a = {uniform = [1]}", r"needs \[low, high\]"),
        ("s.toml", "a = {uniform = [2, 1]}", "low 2 must be below high 1"),
        ("s.toml", "a = {loguniform = [0, 1]}", "over 0"),
        ("s.toml", "a = {integers = [0.5, 1]}", "whole numbers"),
        ("s.toml", "a = {choices = []}", "tuple of values"),
        ("s.toml", "a = {choices = [1, 1]}", "twice"),
        ("s.toml", "a = {uniform = [0, inf]}", "finite"),
        ("s.toml", "a = {uniform = [0, '1']}", "must be numbers"),
        ("s.toml", "", "empty"),
        ("s.toml", "a = ", "broken TOML"),
        ("s.md", "# Notes", "expected a .toml or a .py file, got .*s.md"),
        ("s.py", "x = 1", r"function get_space\(\)"),
        ("s.py", "def get_space(): return {'a': 1}", "must be one of Choices"),
        ("s.py", "1 / 0", "ZeroDivisionError"),
    ],
)
def test_wrong_files(tmp_path, name, text, message):
    with pytest.raises(UserError, match=message):
        load_space(write(tmp_path, name, text))


def test_a_missing_file():
    with pytest.raises(UserError, match="no file"):
        load_space("nowhere.toml")


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"optimizer.learning_rat": Uniform(0.1, 1)}, "Did you mean 'optimizer.learning_rate'"),
        ({"optimizer": Uniform(0.1, 1)}, "It is a group; its fields are optimizer.learning_rate"),
        ({"train.metric": Choices(("loss",))}, "compared by it"),
        ({"train.epochs": Uniform(1, 2.5)}, "train.epochs must be int, got float 2.5"),
        ({"head.dropout": Uniform(0, 1.5)}, "with head.dropout=1.5"),
        ({"optimizer.schedule": Choices(("linear", "cosin"))}, "Did you mean 'cosine'"),
        ({"train.steps": Integers(10, 20)}, "give either epochs or steps"),
    ],
)
def test_spaces_that_do_not_fit_the_config(space, message):
    with pytest.raises(UserError, match=message):
        check_space(space, CONFIG, seeds=1)


def test_seeds_are_either_swept_or_averaged():
    space = {"seed": Choices((1, 2))}
    check_space(space, CONFIG, seeds=1)
    with pytest.raises(UserError, match="seed"):
        check_space(space, CONFIG, seeds=2)


@settings(max_examples=50, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "seed": st.integers(0, 2**31),
            "optimizer.learning_rate": st.floats(1e-8, 1.0),
            "optimizer.schedule": st.sampled_from(["linear", "cosine"]),
            "head.class_weights": st.sampled_from([(), (("a", 2.0), ("好 'x'", 0.5))]),
            "data.label_separator": st.text("a;| =-'\"", min_size=1),
            "train.jit_compile": st.booleans(),
            "data.dev_files": st.sampled_from([("d.tsv",), ("x y.tsv", "*.tsv")]),
        },
    )
)
def test_flags_give_a_run_the_values(values):
    wanted = with_values(CONFIG, values)
    assert {name: field_values(wanted)[name] for name in values} == values
    changed = changed_values(CONFIG, wanted)
    assert changed.keys() <= values.keys()
    config, rest = override_config(CONFIG, as_flags(changed))
    assert config == wanted
    assert rest == []
