"""Serves an exported model over gRPC, with TensorFlow Serving's protocol and answers.

  bertcls-serve --model_name=sentiment --model_base_path=exported --port=8500

--model_base_path is the folder that bertcls-export wrote to. The newest version in it answers; a
newer one takes over when it appears, and no request is lost. Clients of tensorflow_model_server
work unchanged. SIGTERM and Ctrl-C let the requests under way finish.
"""

import asyncio
import dataclasses
import logging
import pathlib
from collections.abc import Sequence

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.server.options import ServerOptions

program = Program("bertcls-serve", __doc__)


def _define_number(name: str, description: str, lower: int, upper: int | None = None) -> None:
    flags.DEFINE_integer(
        name, getattr(ServerOptions, name), description, lower, upper, flag_values=program.flags
    )


flags.DEFINE_string(
    "model_base_path",
    None,
    "The folder with a numbered folder for each version.",
    required=True,
    flag_values=program.flags,
)
flags.DEFINE_string(
    "model_name",
    ServerOptions.model_name,
    "The model's name in requests.",
    flag_values=program.flags,
)
flags.DEFINE_string(
    "host",
    ServerOptions.host,
    "The address to listen on; 0.0.0.0 for all. Connections are not encrypted.",
    flag_values=program.flags,
)
_define_number("port", "The gRPC port; 0 takes a free one.", 0, 65535)
flags.DEFINE_integer(
    "rest_api_port",
    0,
    "The REST port. This version serves gRPC only.",
    flag_values=program.flags,
)
flags.DEFINE_float(
    "file_system_poll_wait_seconds",
    ServerOptions.file_system_poll_wait_seconds,
    "Time between looks for new versions; 0 looks at start only.",
    0,
    flag_values=program.flags,
)
flags.DEFINE_bool(
    "enable_model_warmup",
    ServerOptions.enable_model_warmup,
    "Whether a version's recorded requests run before it serves.",
    flag_values=program.flags,
)
_define_number("max_batch_size", "Texts of a batch, and of a single request.", 1)
_define_number("num_batch_threads", "Batches that are computed at a time.", 1)
_define_number("max_enqueued_batches", "Full batches that may wait; more is refused.", 1)
_define_number("grpc_max_threads", "Requests under way at a time; more are refused.", 1)
_define_number("max_message_bytes", "Size of a request.", 1)
_define_number("tensorflow_intra_op_parallelism", "Threads that share one op; 0: TensorFlow's.", 0)
_define_number("tensorflow_inter_op_parallelism", "Threads for other ops; 0: TensorFlow's.", 0)
flags.register_validator(
    "rest_api_port",
    lambda port: port == 0,
    "REST is not there yet, this version serves gRPC only: leave the flag out, and give --port",
    flag_values=program.flags,
)


def _run(_: list[str]) -> int:
    from keras_bert_cls.server.model_server import serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("tensorflow").setLevel(
        logging.ERROR
    )  # Its v1 loader calls itself deprecated.
    asyncio.run(serve(_options(), lambda address: print(f"listening on {address}", flush=True)))
    return 0


def _options() -> ServerOptions:
    values = program.flags.flag_values_dict()
    given = {f.name: values[f.name] for f in dataclasses.fields(ServerOptions) if f.name in values}
    return ServerOptions(**{**given, "model_base_path": pathlib.Path(given["model_base_path"])})


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program and returns its exit code."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
