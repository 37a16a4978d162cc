"""The flags of training programs that say where a run is kept and executed, and what it tells."""

from collections.abc import Callable
from typing import TypeVar

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.errors import UserError
from keras_bert_cls.training.run_options import COMMUNICATIONS, LOG_FORMATS, STRATEGIES, RunOptions

_DEFAULTS = RunOptions()
_Result = TypeVar("_Result")


def define_run_flags(values: flags.FlagValues) -> None:
    """Defines --workdir, and those that `run_options` reads; `start_run` uses them."""
    _define_workdir(values)
    flags.DEFINE_enum(
        "strategy",
        _DEFAULTS.strategy,
        STRATEGIES,
        "tf.distribute strategy. auto: multi_worker in a cluster (TF_CONFIG or --cluster), "
        "mirrored with several devices, else one.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "devices",
        _DEFAULTS.devices,
        "Devices of this machine to use; 0 for all GPUs. Without GPUs: logical CPUs.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "communication",
        _DEFAULTS.communication,
        COMMUNICATIONS,
        "How gradients are summed over devices and workers.",
        flag_values=values,
    )
    flags.DEFINE_list(
        "cluster",
        list(_DEFAULTS.cluster),
        "host:port of every worker, the chief first; instead of TF_CONFIG.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "task", _DEFAULTS.task, "This process's place in --cluster, from 0.", flag_values=values
    )
    flags.DEFINE_string(
        "profile_steps",
        None,
        "FIRST:LAST, the steps whose profile is written for TensorBoard.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "log_format",
        _DEFAULTS.log_format,
        LOG_FORMATS,
        "How progress is told on the standard error; json: an object a line.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "data_service",
        _DEFAULTS.data_service,
        "host:port of a bertcls-data-service dispatcher, which makes the batches of "
        "--config.data.packed on other machines.",
        flag_values=values,
    )
    flags.DEFINE_float(
        "peak_tflops",
        _DEFAULTS.peak_tflops,
        "Peak of one device in TFLOP/s: the model FLOP utilisation is measured against it.",
        flag_values=values,
    )


def _define_workdir(values: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "workdir",
        None,
        "Folder of the run: checkpoints, metrics, model.",
        required=True,
        flag_values=values,
    )


def start_run(program: Program, train: Callable[..., _Result]) -> _Result:
    """Calls train(config, workdir, report, options) with what the user gave."""
    return train(program.config, program.flags.workdir, print, run_options(program.flags))


def run_options(values: flags.FlagValues) -> RunOptions:
    """Returns what the flags say.

    Raises:
      UserError: --profile_steps is no FIRST:LAST.
    """
    options = RunOptions(
        strategy=values.strategy,
        devices=values.devices,
        communication=values.communication,
        cluster=tuple(values.cluster),
        task=values.task,
        profile_steps=_steps(values.profile_steps),
        log_format=values.log_format,
        data_service=values.data_service,
        peak_tflops=values.peak_tflops,
    )
    options.check()
    return options


def _steps(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, _, last = text.partition(":")
    try:
        return int(first), int(last)
    except ValueError:
        raise UserError(
            f"--profile_steps must be FIRST:LAST, such as 20:25, got {text!r}"
        ) from None
