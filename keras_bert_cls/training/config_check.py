"""Checks a run's config before any work. Imports no TensorFlow."""

import dataclasses
import types
import typing
from typing import Any

from keras_bert_cls.data.config import choice_problem
from keras_bert_cls.errors import UserError
from keras_bert_cls.training.adaptive_config import adaptive_problems
from keras_bert_cls.training.config import (
    LOWER_IS_BETTER,
    MASKED_LM_OUTPUTS,
    FinetuneConfig,
    PretrainConfig,
    Seq2SeqConfig,
)
from keras_bert_cls.training.lazy_embeddings_config import lazy_embeddings_problems
from keras_bert_cls.training.multitask_config import MultiTaskConfig
from keras_bert_cls.training.run_config import RunConfig, sequence_lengths


def check_config(config: RunConfig) -> None:
    """Checks types, ranges and what does not go together.

    Raises:
      UserError: lists every problem, with the name of the field as the command line has it.
    """
    found = type_problems(config)
    if not found:  # Only values of the right type can be compared.
        found += _part_problems(config)
        found += _problems_between_parts(config)
        found += _layer_problems(config)
        found += lazy_embeddings_problems(config)
        if isinstance(config, FinetuneConfig):
            found += _finetune_problems(config)
            is_adaptive = config.head.kind == "adaptive"
            found += adaptive_problems(config, is_adaptive, "head.kind")
            found += _adaptive_head_problems(config) if is_adaptive else []
        if isinstance(config, PretrainConfig):
            wrong = choice_problem("output", config.output, MASKED_LM_OUTPUTS)
            found += [f"--config.{problem}" for problem in wrong]
            found += adaptive_problems(config, config.output == "adaptive", "output")
        if isinstance(config, Seq2SeqConfig):
            found += _seq2seq_problems(config)
        if isinstance(config, MultiTaskConfig):
            found += _multitask_problems(config)
    if found:
        raise UserError("the config is wrong:\n" + "\n".join(f"  {problem}" for problem in found))


def type_problems(config: Any, name: str = "--config") -> list[str]:
    """Returns which fields of a dataclass, or of those in it, are of another type than declared."""
    hints = typing.get_type_hints(type(config))
    found = []
    for field in dataclasses.fields(config):
        value, hint, path = getattr(config, field.name), hints[field.name], f"{name}.{field.name}"
        if not _fits(value, hint):
            expected = getattr(hint, "__name__", str(hint)) if isinstance(hint, type) else str(hint)
            found.append(f"{path} must be {expected}, got {type(value).__name__} {value!r:.80}")
            continue
        for place, part in _dataclasses_in(value):
            found += type_problems(part, f"{path}{place}")
    return found


def _dataclasses_in(value: Any) -> list[tuple[str, Any]]:
    """Returns a field's value, or its items, if they are dataclasses, with [index] of an item."""
    if dataclasses.is_dataclass(value):
        return [("", value)]
    items = value if isinstance(value, tuple | list) else ()
    return [(f"[{i}]", item) for i, item in enumerate(items) if dataclasses.is_dataclass(item)]


def _part_problems(config: Any) -> list[str]:
    """Returns what the parts of a config find wrong with themselves."""
    return [
        f"--config.{field.name}: {problem}"
        for field in dataclasses.fields(config)
        if hasattr(part := getattr(config, field.name), "problems")
        for problem in part.problems()
    ]


def _fits(value: object, hint: Any) -> bool:
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(_fits(value, choice) for choice in arguments)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, tuple | list):
            return False
        if arguments[-1] is Ellipsis:
            return all(_fits(item, arguments[0]) for item in value)
        return len(value) == len(arguments) and all(map(_fits, value, arguments))
    if hint in (int, float):
        kinds = int if hint is int else int | float
        return isinstance(value, kinds) and not isinstance(value, bool)
    return isinstance(value, hint)


def _problems_between_parts(config: RunConfig) -> list[str]:
    found = []
    if not 0 <= config.seed < 2**32:
        found.append(f"--config.seed must be in [0, 2**32), got {config.seed}")
    train = config.train
    if train.metric:
        problems = choice_problem("metric", train.metric, config.metrics)
        found += [f"--config.train: {problem}" for problem in problems]
    data_parts = config.data_parts
    if not any(data.dev_files for data in data_parts.values()):
        where = " or ".join(f"{name}.dev_files" for name in data_parts) or "no task"
        found += [
            f"--config.train: {field} is given, but {where} names no data to measure it on"
            for field in ("metric", "patience")
            if getattr(train, field)
        ]
    is_packed = any(getattr(data, "packed", "") for data in data_parts.values())
    if is_packed and train.max_tokens_per_batch:
        found.append(
            "--config.train: max_tokens_per_batch goes with data.files only: batches of "
            "data.packed have batch_size rows; set it to 0"
        )
    if train.jit_compile and config.encoder.pack_tokens:
        found.append("--config.train: jit_compile needs encoder.pack_tokens=False")
    if config.init_from:
        return found
    if not config.tokenizer.vocabulary:
        found.append("--config.tokenizer: vocabulary names no file; bertcls-vocab makes one")
    positions = config.encoder.max_sequence_length
    for field, length in sequence_lengths(config).items():
        if length > positions:
            part, _, name = field.rpartition(".")
            found.append(
                f"--config.{part}: {name} is {length}, but the encoder has {positions} positions "
                "(encoder.max_sequence_length)"
            )
    return found


def _layer_problems(config: RunConfig) -> list[str]:
    layers = list(config.init_layers)
    if not layers:
        return []
    found = []
    if not config.init_from:
        found.append("--config.init_layers: blocks are chosen, but init_from names no encoder")
    if layers[0] < 0 or layers != sorted(set(layers)):
        found.append(f"--config.init_layers must be ascending from 0 on, got {tuple(layers)}")
    return found


def _finetune_problems(config: FinetuneConfig) -> list[str]:
    regression = _regression_problems(config) if config.task == "regression" else []
    documents = _document_problems(config) if config.documents.window_length else []
    return [
        *_distillation_problems(config),
        *_aids_problems(config),
        *regression,
        *_head_problems(config),
        *documents,
    ]


def _multitask_problems(config: MultiTaskConfig) -> list[str]:
    found = [] if config.tasks else ["--config.tasks: there is no task"]
    names = [task.name for task in config.tasks]
    for number, task in enumerate(config.tasks):
        where = f"--config.tasks[{number}]"
        alone = config.alone(task)
        found += [f"{where}: {problem}" for problem in task.problems()]
        if alone.head.kind == "adaptive":
            found.append(f"{where}.head: kind 'adaptive' is for runs of one task")
        if task.name in names[:number]:
            found.append(f"{where}: name {task.name!r} is that of another task too")
        if task.metric:
            known = tuple(metric for metric in alone.metrics if metric not in LOWER_IS_BETTER)
            problems = choice_problem("metric", task.metric, known)
            found += [f"{where}: {problem}" for problem in problems]
        own = _part_problems(alone) + _finetune_problems(alone)
        found += [
            problem.replace("--config", where, 1)
            for problem in own
            if problem.startswith(("--config.data", "--config.head"))
        ]
    if config.masked_lm.data.dev_files and not any(task.data.dev_files for task in config.tasks):
        found.append(
            "--config.masked_lm: data.dev_files are given, but no task has dev_files, whose scores "
            "choose the best weights"
        )
    return found


def _distillation_problems(config: FinetuneConfig) -> list[str]:
    unlabelled, labelled = config.distillation, config.data
    if not unlabelled.unlabelled_files:
        return []
    if (unlabelled.text_pair_column is None) == (labelled.text_pair_column is None):
        return []
    return [
        f"--config.distillation: text_pair_column is {unlabelled.text_pair_column!r}, but that of "
        f"data is {labelled.text_pair_column!r}: rows with and without label must have as many "
        "texts"
    ]


def _document_problems(config: FinetuneConfig) -> list[str]:
    window, longest = config.documents.window_length, config.data.max_length
    found = []
    if longest <= window:
        found.append(
            f"data.max_length is {longest}: every text fits a window of {window} tokens, so that "
            "there are no others"
        )
    if config.data.text_pair_column is not None:
        found.append("windows are of one text, but data.text_pair_column names a second one")
    if config.train.jit_compile:
        found.append("windows differ in number from batch to batch: set train.jit_compile=False")
    return [f"--config.documents: {problem}" for problem in found]


def _aids_problems(config: FinetuneConfig) -> list[str]:
    found = []
    dropouts = (config.encoder.dropout, config.encoder.attention_dropout, config.head.dropout)
    if config.aids.r_drop and not any(dropouts):
        found.append(
            "--config.aids: r_drop compares two draws of dropout, but dropout, attention_dropout "
            "of encoder and dropout of head are all 0"
        )
    if config.aids.focal_gamma and config.head.label_smoothing:
        found.append(
            "--config.aids: focal_gamma says how sure a model may be, and so does "
            "head.label_smoothing: give one of them"
        )
    if config.aids.adversarial_epsilon and config.documents.window_length:
        found.append(
            "--config.aids: adversarial_epsilon moves whole texts, but documents.window_length "
            "reads them as windows: set one of them to 0"
        )
    if config.classes.balances and config.task == "multi_label":
        found.append(
            "--config.classes: sampling_exponent and effective_number_beta need rows of one label "
            "each; data.task is multi_label"
        )
    return found


def _regression_problems(config: FinetuneConfig) -> list[str]:
    head, classes = config.head, config.classes
    given = {
        "head: label_smoothing": head.label_smoothing != 0,
        "head: class_weight": head.class_weight != "none",
        "head: class_weights": bool(head.class_weights),
        "aids: focal_gamma": config.aids.focal_gamma != 0,
        "classes: sampling_exponent": classes.sampling_exponent != 1,
        "classes: effective_number_beta": classes.effective_number_beta != 0,
        "classes: focus_classes": bool(classes.focus_classes),
        "distillation: pseudo_confidence": config.distillation.pseudo_confidence != 0,
    }
    return [
        f"--config.{field} is given, but a regression has no labels"
        for field, is_given in given.items()
        if is_given
    ]


def _head_problems(config: FinetuneConfig) -> list[str]:
    needs = {"hierarchical": "label_path_separator", "ordinal": "ordered_labels"}
    field = needs.get(config.head.kind)
    if field is None or getattr(config.data, field):
        return []
    return [f"--config.head: kind {config.head.kind!r} needs data.{field}"]


def _adaptive_head_problems(config: FinetuneConfig) -> list[str]:
    data, unfit = config.data, []
    if config.task != "single_label":
        unfit.append(f"data.task {config.task!r}: it is for one label a text")
    unfit += [
        f"data.{field}: it keeps no scores of all labels"
        for field in ("label_path_separator", "ordered_labels")
        if getattr(data, field)
    ]
    if config.distillation.teacher:
        unfit.append("distillation: a teacher's scores are of all labels")
    unfit += [
        f"aids.{field}: it looks at the scores of all labels"
        for field in ("r_drop", "focal_gamma")
        if getattr(config.aids, field)
    ]
    return [f"--config.head: kind 'adaptive' does not go with {problem}" for problem in unfit]


def _seq2seq_problems(config: Seq2SeqConfig) -> list[str]:
    found = []
    if not 0 <= config.label_smoothing < 1:
        found.append(f"--config.label_smoothing must be in [0, 1), got {config.label_smoothing}")
    positions = config.decoder.max_length
    if config.data.max_target_length > positions:
        found.append(
            f"--config.data: max_target_length is {config.data.max_target_length}, but the decoder "
            f"has {positions} positions (decoder.max_length)"
        )
    generation = config.generation.problems_with(config.decoder)
    found += [f"--config.generation: {problem}" for problem in generation]
    if not config.init_from:
        decoder = config.decoder.problems_with(config.encoder)
        found += [f"--config.decoder: {problem}" for problem in decoder]
    return found
