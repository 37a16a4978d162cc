"""Measures how a server takes load: latencies, throughput and errors.

  bertcls-loadtest --server localhost:8500 --model_name N --texts posts.txt --concurrency 1,8,32
  bertcls-loadtest --server localhost:8500 --model_name N --texts posts.txt --rate 100,200

Any TensorFlow Serving will do. --concurrency is a closed loop: so many clients, each asks again
when it is answered. --rate is an open loop: requests arrive at random times, and latency counts
from when they were due, so that a server that stalls does not look better for it. Requests are made
of texts drawn from --texts. None is repeated when it fails; latencies are of those that succeed.
"""

import datetime
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from keras_bert_cls.cli.client_flags import (
    define_client_flags,
    endpoint_of,
    model_choice_of,
    open_client,
)
from keras_bert_cls.cli.output_path import check_output_file
from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.table_flags import define_column_flag, define_file_format_flag
from keras_bert_cls.errors import UserError

if TYPE_CHECKING:
    from keras_bert_cls.loadtest.load import Load, Question

program = Program("bertcls-loadtest", __doc__)

define_client_flags(program, "HOST:PORT of gRPC.", required=True, timeout=10.0)
_SIGNATURE_NAME = flags.DEFINE_string(
    "signature_name",
    "serving_default",
    "A signature that takes vectors of strings.",
    flag_values=program.flags,
)
_TEXTS = flags.DEFINE_string(
    "texts", None, "A file or glob pattern to draw from.", required=True, flag_values=program.flags
)
_FILE_FORMAT = define_file_format_flag(program)
_TEXT_COLUMN = define_column_flag(program, "text_column", "the text")
_ROWS = flags.DEFINE_integer(
    "rows_per_request", 1, "Texts of a request.", lower_bound=1, flag_values=program.flags
)
_CONCURRENCY = flags.DEFINE_list(
    "concurrency",
    [],
    "Clients of a closed loop; several one after another.",
    flag_values=program.flags,
)
_RATE = flags.DEFINE_list(
    "rate",
    [],
    "Requests a second of an open loop; several one after another.",
    flag_values=program.flags,
)
_SECONDS = flags.DEFINE_float(
    "seconds", 10.0, "Time that counts, for each load.", 0.001, flag_values=program.flags
)
_WARMUP_SECONDS = flags.DEFINE_float(
    "warmup_seconds", 2.0, "Time before it that does not count.", 0.0, flag_values=program.flags
)
_SEED = flags.DEFINE_integer("seed", 0, "Of what is drawn and when.", flag_values=program.flags)
_PROCESSES = flags.DEFINE_integer(
    "processes",
    1,
    'That share the load; more where "own CPUs" comes near their number.',
    lower_bound=1,
    flag_values=program.flags,
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Writes all figures to a JSON file.", flag_values=program.flags
)
_PLOT = flags.DEFINE_string(
    "plot",
    None,
    "Draws a picture, such as report.png; needs the extra [report].",
    flag_values=program.flags,
)


@flags.multi_flags_validator(
    ["concurrency", "rate"], "give either --concurrency or --rate", flag_values=program.flags
)
def _one_loop(values) -> bool:
    return bool(values["concurrency"]) != bool(values["rate"])


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> int:
    from keras_bert_cls.loadtest.load import Period
    from keras_bert_cls.loadtest.plot import require_matplotlib, write_plot
    from keras_bert_cls.loadtest.processes import run_load
    from keras_bert_cls.loadtest.report import heading, table_line, write_report

    loads = _loads()
    if _PLOT.value is not None:
        require_matplotlib()
    for flag in (_OUTPUT, _PLOT):
        if flag.value is not None:
            check_output_file(f"--{flag.name}", flag.value)
    question = _question()
    settings = _settings(question)
    period = Period(_WARMUP_SECONDS.value, _SECONDS.value)
    results = []
    print(heading(), flush=True)
    for load in loads:
        results.append(run_load(question, load, period, _PROCESSES.value))
        print(table_line(results[-1]), flush=True)
    if _OUTPUT.value is not None:
        write_report(_OUTPUT.value, settings, results)
    if _PLOT.value is not None:
        where = f"{program.flags.model_name} on {program.flags.server}"
        write_plot(_PLOT.value, f"{where}, {_ROWS.value} text(s) a request", results)
    return 0 if any(result.latency_ms for result in results) else 1


def _loads() -> "list[Load]":
    from keras_bert_cls.loadtest.load import ClosedLoop, OpenLoop

    if _RATE.value:
        return [OpenLoop(_positive("rate", text, float)) for text in _RATE.value]
    return [ClosedLoop(_positive("concurrency", text, int)) for text in _CONCURRENCY.value]


def _positive(flag: str, text: str, kind: Callable[[str], Any]) -> Any:
    try:
        number = kind(text)
    except ValueError:
        number = 0
    if not 0 < number < 1e9:
        raise UserError(f"--{flag}: expected numbers above 0, got {text!r}")
    return number


def _question() -> "Question":
    """Asks the server what the signature takes, and reads the texts."""
    from keras_bert_cls.data.readers import iterate_texts
    from keras_bert_cls.loadtest.load import Question
    from keras_bert_cls.loadtest.signature_inputs import text_inputs

    endpoint, model = endpoint_of(program), model_choice_of(program)
    texts = list(iterate_texts(_TEXTS.value, _TEXT_COLUMN.value, _FILE_FORMAT.value))
    if not texts:
        raise UserError(f"--texts {_TEXTS.value}: expected texts, found none")
    with open_client(program) as client:
        inputs = text_inputs(client.metadata(), _SIGNATURE_NAME.value)
    return Question(
        endpoint=endpoint,
        model=model,
        signature_name=_SIGNATURE_NAME.value,
        inputs=inputs,
        texts=[text.encode("utf-8") for text in texts],
        rows=_ROWS.value,
        timeout=program.flags.timeout,
        seed=_SEED.value,
    )


def _settings(question: "Question") -> dict[str, Any]:
    return {
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "server": question.endpoint.target,
        "model_name": question.model.name,
        "version": question.model.version,
        "version_label": question.model.version_label,
        "signature_name": question.signature_name,
        "texts": _TEXTS.value,
        "texts_to_draw_from": len(question.texts),
        "rows_per_request": question.rows,
        "seconds": _SECONDS.value,
        "warmup_seconds": _WARMUP_SECONDS.value,
        "timeout": question.timeout,
        "seed": question.seed,
        "processes": _PROCESSES.value,
        "cores_of_this_machine": os.cpu_count(),
    }


if __name__ == "__main__":
    raise SystemExit(main())
