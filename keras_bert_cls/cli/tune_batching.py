"""Measures a model on this machine and writes a batching parameters file for it.

  bertcls-tune-batching --model_base_path exported --texts posts.txt --output batching.config
  bertcls-serve ... --batching_parameters_file=batching.config
  tensorflow_model_server ... --enable_batching --batching_parameters_file=batching.config

Starts bertcls-serve with the newest version and asks it for batches of 1, 2, 4, … texts, drawn from
--texts: as they come, the shortest and the longest tenth. The file holds the measurements as
comments. Let nothing else run on the machine meanwhile. Both servers are to run the model as it was
measured: with one thread for an op, --tensorflow_intra_op_parallelism=1.
"""

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from absl import flags

from keras_bert_cls.cli.output_path import check_output_file
from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.table_flags import define_column_flag, define_file_format_flag
from keras_bert_cls.errors import UserError

if TYPE_CHECKING:
    from keras_bert_cls.loadtest.load import Question

program = Program("bertcls-tune-batching", __doc__)

_MODEL_BASE_PATH = flags.DEFINE_string(
    "model_base_path",
    None,
    "The folder that bertcls-export wrote to.",
    required=True,
    flag_values=program.flags,
)
_TEXTS = flags.DEFINE_string(
    "texts",
    None,
    "A file or glob pattern with texts as users will send them.",
    required=True,
    flag_values=program.flags,
)
_FILE_FORMAT = define_file_format_flag(program)
_TEXT_COLUMN = define_column_flag(program, "text_column", "the text")
_OUTPUT = flags.DEFINE_string(
    "output", None, "The file to write.", required=True, flag_values=program.flags
)
_SIGNATURE_NAME = flags.DEFINE_string(
    "signature_name",
    "serving_default",
    "A signature that takes vectors of strings.",
    flag_values=program.flags,
)
_LARGEST_BATCH = flags.DEFINE_integer(
    "largest_batch", 128, "Texts of the largest batch to try.", 1, flag_values=program.flags
)
_LARGEST_REQUEST = flags.DEFINE_integer(
    "largest_request",
    32,
    "Texts of the largest request that clients send: servers refuse more than max_batch_size.",
    1,
    flag_values=program.flags,
)
_MAX_BATCH_MS = flags.DEFINE_float(
    "max_batch_ms", 200.0, "Milliseconds a batch may take.", 0.001, flag_values=program.flags
)
_MAX_WAIT_MS = flags.DEFINE_float(
    "max_wait_ms",
    1000.0,
    "Milliseconds a request may wait for its turn; where it would be longer, it is refused.",
    0.001,
    flag_values=program.flags,
)
_SECONDS = flags.DEFINE_float(
    "seconds", 1.0, "Of each measurement.", 0.001, flag_values=program.flags
)

_MODEL_NAME = "model"
_TIMEOUT_SECONDS = 120.0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    from keras_bert_cls.cpus import usable_cpus
    from keras_bert_cls.data.readers import iterate_texts
    from keras_bert_cls.loadtest.batching_choice import Bounds
    from keras_bert_cls.loadtest.batching_file import batching_file
    from keras_bert_cls.loadtest.local_server import local_server
    from keras_bert_cls.loadtest.tuning import Effort, tune

    texts = [
        text.encode("utf-8")
        for text in iterate_texts(_TEXTS.value, _TEXT_COLUMN.value, _FILE_FORMAT.value)
    ]
    if not texts:
        raise UserError(f"--texts {_TEXTS.value}: expected texts, found none")
    check_output_file("--output", _OUTPUT.value)
    cores = usable_cpus()
    largest = max(_LARGEST_BATCH.value, _LARGEST_REQUEST.value)
    with local_server(_server_flags(largest, cores)) as address:
        tables, choice = tune(
            _question(address, texts),
            Effort(_LARGEST_BATCH.value, cores, _SECONDS.value),
            Bounds(_LARGEST_REQUEST.value, _MAX_BATCH_MS.value, _MAX_WAIT_MS.value),
            lambda title, timing: print(
                f"{title} {timing.rows} texts, {timing.threads} at a time: "
                f"{timing.milliseconds:.2f} ms",
                flush=True,
            ),
        )
    circumstances = [
        f"Written by bertcls-tune-batching for {_MODEL_BASE_PATH.value} on {cores} cores.",
        f"Texts: {len(texts)} of {_TEXTS.value}. Times are of requests over gRPC, one client for",
        "each batch at a time, with --tensorflow_intra_op_parallelism=1.",
    ]
    pathlib.Path(_OUTPUT.value).write_text(
        batching_file(circumstances, tables, choice), encoding="utf-8"
    )
    print(f"wrote {_OUTPUT.value}")


def _server_flags(largest: int, threads: int) -> list[str]:
    return [
        f"--model_name={_MODEL_NAME}",
        f"--model_base_path={_MODEL_BASE_PATH.value}",
        "--enable_batching=false",
        "--tensorflow_intra_op_parallelism=1",
        f"--max_batch_size={largest}",
        f"--num_batch_threads={threads}",
    ]


def _question(address: str, texts: list[bytes]) -> "Question":
    from keras_bert_cls.client import Client
    from keras_bert_cls.client.endpoint import Endpoint
    from keras_bert_cls.client.requests import ModelChoice
    from keras_bert_cls.loadtest.load import Question
    from keras_bert_cls.loadtest.signature_inputs import text_inputs

    with Client(address, _MODEL_NAME) as client:
        inputs = text_inputs(client.metadata(), _SIGNATURE_NAME.value)
    return Question(
        endpoint=Endpoint(address),
        model=ModelChoice(_MODEL_NAME),
        signature_name=_SIGNATURE_NAME.value,
        inputs=inputs,
        texts=texts,
        timeout=_TIMEOUT_SECONDS,
    )


if __name__ == "__main__":
    raise SystemExit(main())
