"""Serves exported models over gRPC and REST, with TensorFlow Serving's protocol, flags and answers.

  bertcls-serve --model_name=sentiment --model_base_path=exported --port=8500 --rest_api_port=8501

--model_base_path is the folder that bertcls-export wrote to; --model_config_file lists several
models. The newest version answers; a newer one takes over when it appears, and no request is lost.
Clients of tensorflow_model_server work unchanged. SIGTERM and Ctrl-C let the requests under way
finish.
"""

import asyncio
import dataclasses
import logging
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from keras_bert_cls.cli.program import Program
from keras_bert_cls.cli.serve_flags import define_flags
from keras_bert_cls.cpus import bind_to_cpus
from keras_bert_cls.server.options import ServerOptions

if TYPE_CHECKING:
    from keras_bert_cls.server.model_server import Addresses

program = Program("bertcls-serve", __doc__)
define_flags(program.flags)

_PATHS = (
    "model_base_path",
    "model_config_file",
    "ssl_config_file",
    "bearer_token_file",
    "monitoring_config_file",
    "batching_parameters_file",
)
_LISTS = ("saved_model_tags", "grpc_channel_arguments")


def _run(_: list[str]) -> int:
    if program.flags.cpus is not None:
        bind_to_cpus(program.flags.cpus)  # TensorFlow counts CPUs and starts threads early.
    from keras_bert_cls.server.model_server import serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("tensorflow").setLevel(
        logging.ERROR
    )  # Its v1 loader calls itself deprecated.
    asyncio.run(serve(_options(), _tell_addresses))
    return 0


def _tell_addresses(addresses: "Addresses") -> None:
    print(f"listening on {addresses.grpc}", flush=True)
    if addresses.rest is not None:
        print(f"listening for REST on {addresses.rest}", flush=True)


def _options() -> ServerOptions:
    values = program.flags.flag_values_dict()
    given = {f.name: values[f.name] for f in dataclasses.fields(ServerOptions) if f.name in values}
    for name in _PATHS:
        given[name] = pathlib.Path(given[name]) if given[name] else None
    for name in _LISTS:
        given[name] = tuple(given[name])
    given["allowed_model_roots"] = tuple(map(pathlib.Path, given["allowed_model_roots"]))
    return ServerOptions(**given)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program and returns its exit code."""
    return program.run(_run, argv)


if __name__ == "__main__":
    raise SystemExit(main())
