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
import pathlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.table_flags import define_column_flag, define_file_format_flag
from keras_bert_cls.errors import UserError

if TYPE_CHECKING:
    from keras_bert_cls.client.endpoint import Endpoint
    from keras_bert_cls.loadtest.load import Load, Question

program = Program("bertcls-loadtest", __doc__)

_SERVER = flags.DEFINE_string(
    "server", None, "HOST:PORT of gRPC.", required=True, flag_values=program.flags
)
_MODEL_NAME = flags.DEFINE_string(
    "model_name", None, "The model's name there.", required=True, flag_values=program.flags
)
_VERSION = flags.DEFINE_integer(
    "version", None, "A version's number; the newest by default.", flag_values=program.flags
)
_VERSION_LABEL = flags.DEFINE_string(
    "version_label", None, "A version's label, instead of a number.", flag_values=program.flags
)
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
_TIMEOUT = flags.DEFINE_float(
    "timeout", 10.0, "Seconds a request may take.", 0.001, flag_values=program.flags
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
_TLS = flags.DEFINE_bool(
    "tls",
    False,
    "Whether to encrypt; --tls_root_certificates does so too.",
    flag_values=program.flags,
)
_ROOT_CERTIFICATES = flags.DEFINE_string(
    "tls_root_certificates",
    None,
    "PEM of whom to trust; by default public authorities.",
    flag_values=program.flags,
)
_BEARER_TOKEN_FILE = flags.DEFINE_string(
    "bearer_token_file",
    None,
    "Holds the secret that the server asks for.",
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
        title = f"{_MODEL_NAME.value} on {_SERVER.value}, {_ROWS.value} text(s) a request"
        write_plot(_PLOT.value, title, results)
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
    from keras_bert_cls.client import Client
    from keras_bert_cls.client.requests import ModelChoice
    from keras_bert_cls.data.readers import iterate_texts
    from keras_bert_cls.loadtest.load import Question
    from keras_bert_cls.loadtest.signature_inputs import text_inputs

    endpoint = _endpoint()
    model = ModelChoice(_MODEL_NAME.value, _VERSION.value, _VERSION_LABEL.value)
    texts = list(iterate_texts(_TEXTS.value, _TEXT_COLUMN.value, _FILE_FORMAT.value))
    if not texts:
        raise UserError(f"--texts {_TEXTS.value}: expected texts, found none")
    with Client(
        endpoint.target,
        model.name,
        version=model.version,
        version_label=model.version_label,
        timeout=_TIMEOUT.value,
        tls=endpoint.tls,
        bearer_token=endpoint.bearer_token,
    ) as client:
        inputs = text_inputs(client.metadata(), _SIGNATURE_NAME.value)
    return Question(
        endpoint=endpoint,
        model=model,
        signature_name=_SIGNATURE_NAME.value,
        inputs=inputs,
        texts=[text.encode("utf-8") for text in texts],
        rows=_ROWS.value,
        timeout=_TIMEOUT.value,
        seed=_SEED.value,
    )


def _endpoint() -> "Endpoint":
    from keras_bert_cls.client.endpoint import Endpoint, Tls

    roots, file = _ROOT_CERTIFICATES.value, _BEARER_TOKEN_FILE.value
    return Endpoint(
        _SERVER.value,
        Tls(root_certificates=roots) if _TLS.value or roots else None,
        pathlib.Path(file).read_text(encoding="utf-8").strip() if file else None,
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
