"""Configs of multi-task runs: problems, files, flags."""

import dataclasses

import pytest
from tiny_multitask import multitask_config
from tiny_runs import finetune_config, write_config, write_files

from keras_bert_cls.cli.config_flag import load_config, override_config
from keras_bert_cls.data.config import PretrainingData
from keras_bert_cls.errors import UserError
from keras_bert_cls.training.config_check import check_config
from keras_bert_cls.training.config_json import (
    config_differences,
    config_from_json,
    config_to_json,
)
from keras_bert_cls.training.multitask_config import (
    AuxiliaryMaskedLM,
    MultiTaskConfig,
    TaskConfig,
)


@pytest.fixture
def config(tmp_path):
    write_files(tmp_path)
    return multitask_config(tmp_path)


def test_all_problems_are_found_at_once(config):
    tone, match, value, tags = config.tasks
    config.tasks = (
        dataclasses.replace(tone, name="tone 1", loss_weight=0.0, metric="loss"),
        dataclasses.replace(match, data=dataclasses.replace(match.data, max_length=4)),
        dataclasses.replace(value, name="match", metric="pearsn"),
        dataclasses.replace(value, head=dataclasses.replace(value.head, label_smoothing=0.1)),
        dataclasses.replace(tags, name="tags_classify"),
        dataclasses.replace(tags, name="embed"),
    )
    config.masked_lm.data = dataclasses.replace(
        config.masked_lm.data, pair_objective="nsp", files=()
    )
    config.train.metric = "tags/accuracy"
    with pytest.raises(UserError) as raised:
        check_config(config)
    for line in (
        "--config.tasks[0]: name must be of letters, digits and _, got 'tone 1'",
        "--config.tasks[0]: loss_weight must be over 0 and finite, got 0.0",
        "--config.tasks[0]: metric must be one of ('accuracy', 'macro_f1', 'micro_f1', 'mcc')",
        "--config.tasks[1].data: max_length must be at least 8, got 4",
        "--config.tasks[2]: name 'match' is that of another task too",
        "--config.tasks[2]: metric must be one of ('pearson',), got 'pearsn'",
        "--config.tasks[3].head: label_smoothing is given, but a regression has no labels",
        "--config.tasks[4]: name 'tags_classify' is taken",
        "--config.tasks[5]: name 'embed' is taken",
        "--config.masked_lm: data.files names no training text",
        "--config.masked_lm: data.pair_objective must be 'none' beside tasks, got 'nsp'",
        "--config.train: metric must be one of ('mean',",
    ):
        assert line in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks": ()}, "--config.tasks: there is no task"),
        ({"tasks": ({"name": "a"},)}, "--config.tasks must be tuple[keras_bert_cls"),
        ({"masked_lm": AuxiliaryMaskedLM(loss_weight=2.0)}, "share is 0, so the other fields"),
        ({"masked_lm": AuxiliaryMaskedLM(1.0)}, "share must be in [0, 1), got 1.0"),
    ],
)
def test_what_is_refused(config, changes, message):
    with pytest.raises(UserError) as raised:
        check_config(dataclasses.replace(config, **changes))
    assert message in str(raised.value)


@pytest.mark.parametrize("name", ["token", "segment", "block", "intent_node"])
def test_names_of_layers_are_taken(config, name):
    """A head's layers begin with the task's name, and no two layers may be called the same."""
    config.tasks = (dataclasses.replace(config.tasks[0], name=name), *config.tasks[1:])
    with pytest.raises(UserError, match=f"name '{name}' is taken"):
        check_config(config)


def test_types_within_tasks_are_checked(config):
    tasks = (TaskConfig("a", config.tasks[0].data, loss_weight="2"),)
    with pytest.raises(UserError, match=r"--config.tasks\[0\].loss_weight must be float, got str"):
        check_config(dataclasses.replace(config, tasks=tasks))


def test_metrics_need_dev_data(config):
    for metric in ("value/loss", "masked_lm/loss"):
        check_config(
            dataclasses.replace(config, train=dataclasses.replace(config.train, metric=metric))
        )
    without = [dataclasses.replace(task.data, dev_files=()) for task in config.tasks]
    config.tasks = tuple(map(dataclasses.replace, config.tasks))
    for task, data in zip(config.tasks, without, strict=True):
        task.data = data
    with pytest.raises(UserError, match=r"masked_lm: data.dev_files are given, but no task has"):
        check_config(config)
    config.masked_lm.data = dataclasses.replace(config.masked_lm.data, dev_files=())
    config.train = dataclasses.replace(config.train, patience=2)
    with pytest.raises(
        UserError, match=r"patience is given, but tasks\[0\].data.dev_files or tasks"
    ):
        check_config(config)


def test_files_and_json_give_the_config_back(config, tmp_path):
    assert load_config(str(write_config(tmp_path / "c.py", config)), MultiTaskConfig) == config
    text = config_to_json(config)
    assert config_from_json(text) == config
    other = dataclasses.replace(config, tasks=config.tasks[:3])
    other.tasks = (dataclasses.replace(other.tasks[0], loss_weight=3.0), *other.tasks[1:])
    lines = config_differences(text, config_to_json(other))
    assert lines[0] == "--config.tasks[0].loss_weight: there 1.0, given 3.0"
    assert lines[1] == '--config.tasks[3].name: there "tags", given no such field'


def test_flags_reach_into_tasks(config):
    flags = ["--config.tasks[1].loss_weight=2.5", "--config.tasks[0].data.max_length=12"]
    changed, rest = override_config(config, [*flags, "--config.sampling.alpha=0.3", "--other"])
    assert [task.loss_weight for task in changed.tasks] == [1.0, 2.5, 1.0, 1.0]
    assert changed.tasks[0].data.max_length == 12 and changed.sampling.alpha == 0.3
    assert rest == ["--other"]
    assert config.tasks[1].loss_weight == 1.0
    for flag, message in {
        "--config.tasks[4].name=x": "--config.tasks has 4 items, which are counted from 0",
        "--config.tasks[0].nam=x": "--config.tasks[0] has no field 'nam'. Did you mean 'name'?",
        "--config.seed[0]=1": "--config.seed has no items",
        "--config.tasks[0]=1": "--config.tasks[0] is a group",
    }.items():
        with pytest.raises(UserError) as raised:
            override_config(config, [flag])
        assert message in str(raised.value)


def test_a_task_alone_is_a_plain_run(config, tmp_path):
    assert config.alone(config.tasks[0]) == finetune_config(tmp_path)
    assert AuxiliaryMaskedLM(0.5, PretrainingData(files=("a",))).problems() == []
