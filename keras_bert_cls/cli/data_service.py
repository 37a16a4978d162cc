"""Runs a dispatcher or a worker of a tf.data service, which makes batches for bertcls-pretrain.

  bertcls-data-service --role dispatcher --port 5050
  bertcls-data-service --role worker --dispatcher HOST:5050 --port 5051 --host THIS_HOST
  bertcls-pretrain ... --config.data.packed=packed --data_service HOST:5050

Any number of workers may come and go: the batches stay the same. All machines must see the folder
of the shards under the same path. SIGTERM and Ctrl-C end a server. Connections are not encrypted
and a worker runs what a client sends: keep the ports inside a network that you trust.
"""

from collections.abc import Sequence

from absl import flags

from keras_bert_cls.cli.program import Program

program = Program("bertcls-data-service", __doc__)

_ROLE = flags.DEFINE_enum(
    "role",
    None,
    ["dispatcher", "worker"],
    "One dispatcher hands out the work; workers do it.",
    required=True,
    flag_values=program.flags,
)
_PORT = flags.DEFINE_integer(
    "port", 0, "The port to listen on; 0 takes a free one.", 0, 65535, flag_values=program.flags
)
_DISPATCHER = flags.DEFINE_string(
    "dispatcher", None, "host:port of the dispatcher, for a worker.", flag_values=program.flags
)
_HOST = flags.DEFINE_string(
    "host",
    "127.0.0.1",
    "A worker's name or address, as clients reach it.",
    flag_values=program.flags,
)
_WORK_DIR = flags.DEFINE_string(
    "work_dir",
    None,
    "Folder in which a dispatcher notes what it needs to go on after a restart.",
    flag_values=program.flags,
)


@flags.multi_flags_validator(
    ["role", "dispatcher"],
    "--role worker needs --dispatcher HOST:PORT",
    flag_values=program.flags,
)
def _worker_has_a_dispatcher(values) -> bool:
    return values["role"] != "worker" or values["dispatcher"] is not None


@flags.multi_flags_validator(
    ["role", "dispatcher"],
    "--dispatcher is for --role worker: a dispatcher is one itself",
    flag_values=program.flags,
)
def _dispatcher_has_none(values) -> bool:
    return values["role"] != "dispatcher" or values["dispatcher"] is None


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> None:
    dispatcher = _DISPATCHER.value
    from keras_bert_cls.data.data_service import serve_dispatcher, serve_worker

    if dispatcher is None:
        serve_dispatcher(
            _PORT.value,
            _WORK_DIR.value,
            lambda address: print(f"dispatcher listening on {address}", flush=True),
        )
    else:
        serve_worker(
            dispatcher,
            _HOST.value,
            _PORT.value,
            lambda address: print(f"worker of {address} is ready", flush=True),
        )


if __name__ == "__main__":
    raise SystemExit(main())
