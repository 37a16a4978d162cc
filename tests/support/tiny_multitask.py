"""Multi-task runs that take seconds."""

import pathlib

from tiny_runs import finetune_config, pretrain_config, with_fields

from keras_bert_cls.data.task_sampling import SamplingConfig
from keras_bert_cls.training.multitask_config import (
    AuxiliaryMaskedLM,
    MultiTaskConfig,
    TaskConfig,
)

TONE, MATCH, VALUE, TAGS = "tone", "match", "value", "tags"


def tasks_of(folder: pathlib.Path) -> dict[str, TaskConfig]:
    """Returns tasks on the files of `write_files`: a label, pairs, a number, several labels."""
    fields = {
        TONE: {},
        MATCH: {"data_text_pair_column": "other", "data_max_length": 24},
        VALUE: {"data_task": "regression", "data_label_column": "value"},
        TAGS: {"data_task": "multi_label", "data_label_column": "labels"},
    }
    data = {name: finetune_config(folder, **given).data for name, given in fields.items()}
    return {name: TaskConfig(name, table) for name, table in data.items()}


def multitask_config(
    folder: pathlib.Path, names=(TONE, MATCH, VALUE, TAGS), text=True, **fields
) -> MultiTaskConfig:
    """Returns a config for the files in `folder`; see `finetune_config`.

    Args:
      folder: where `write_files` wrote.
      names: the tasks.
      text: whether the masked LM is learned beside them.
      **fields: see `with_fields`.
    """
    plain, tasks = finetune_config(folder), tasks_of(folder)
    config = MultiTaskConfig(
        seed=plain.seed,
        tokenizer=plain.tokenizer,
        encoder=plain.encoder,
        tasks=tuple(tasks[name] for name in names),
        sampling=SamplingConfig("uniform"),
        optimizer=plain.optimizer,
        train=plain.train,
    )
    if text:
        data = pretrain_config(folder, data_dev_files=(f"{folder}/prose.txt",)).data
        config.masked_lm = AuxiliaryMaskedLM(share=0.25, data=data)
    return with_fields(config, **fields)
