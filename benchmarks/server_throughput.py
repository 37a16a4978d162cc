"""Requests of one text a second, our server beside those that users write around the peers.

  python -m benchmarks.server_throughput --clients=1,8,32,64

Ours is bertcls-serve. ONNX Runtime with tokenizers stands behind a gRPC server, transformers and
keras-nlp behind HTTP servers of Python's library (benchmarks/peers/servers.py); these answer each
request by itself, as such servers do. Clients are threads of this program on the same machine, and
the servers take turns.
"""

import contextlib
import http.client
import json
import statistics
from collections.abc import Callable, Iterator

from absl import flags

from benchmarks import classifiers
from benchmarks.benchmark import Benchmark
from benchmarks.closed_loop import Ask, closed_loop
from benchmarks.models import ModelFiles, model_files
from benchmarks.texts import SENTENCES, load_texts

benchmark = Benchmark("server_throughput", __doc__)
_FLAGS = benchmark.program.flags
flags.DEFINE_string("size", "6x384", "The model: blocks x width.", flag_values=_FLAGS)
flags.DEFINE_list("clients", ["1", "8", "32", "64"], "At a time.", flag_values=_FLAGS)
flags.DEFINE_float("seconds", 3.0, "Of a measurement.", flag_values=_FLAGS)
flags.DEFINE_list("sets", ["en"], "Beginnings of the names of sets.", flag_values=_FLAGS)
# Name -> the version of the export, and flags of bertcls-serve.
_OURS = {
    "ours fp32": (1, []),
    "ours bf16": (2, []),
    "ours branched fp32": (3, []),
    "ours fp32, one worker": (1, ["--num_batch_threads=1"]),
}
_PEERS = {
    "ONNX Runtime fp32": "serve_grpc",
    "PyTorch fp32": "serve_http",
    "keras-nlp": "serve_http",
}
flags.DEFINE_list("peers", list(_PEERS), "Who takes part beside ours.", flag_values=_FLAGS)


def _measure() -> Iterator[dict]:
    for texts in load_texts(benchmark.source, benchmark.output, 500, SENTENCES):
        if not texts.name.startswith(tuple(_FLAGS.sets)) and benchmark.source:
            continue
        files = model_files(benchmark.output, _FLAGS.size, texts.vocabulary)
        with _servers(files) as connects:
            for connect in connects.values():
                connect()(texts.rows[0])  # compiles
            for clients in map(int, _FLAGS.clients):
                yield from _measure_clients(texts, connects, clients)


def _measure_clients(texts, connects, clients: int) -> Iterator[dict]:
    found: dict[str, list[dict[str, float]]] = {name: [] for name in connects}
    for _ in range(benchmark.rounds):
        for name, connect in connects.items():
            found[name].append(closed_loop(connect, texts.rows, clients, _FLAGS.seconds))
    medians = {
        name: {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        for name, rounds in found.items()
    }
    ours = medians["ours fp32"]["requests/s"]
    for name, values in medians.items():
        yield {
            "texts": texts.name,
            "clients": clients,
            "server": name,
            **values,
            "ours fp32 / it": ours / values["requests/s"],
        }


@contextlib.contextmanager
def _servers(files: ModelFiles) -> Iterator[dict[str, Callable[[], Ask]]]:
    """Starts all; yields what connects a client to each."""
    from keras_bert_cls.loadtest.local_server import local_server

    with contextlib.ExitStack() as stack:
        connects: dict[str, Callable[[], Ask]] = {}
        for name, (version, more) in _OURS.items():
            base = files.folder / f"served-{version}"
            if not base.exists():
                base.mkdir()
                (base / "1").symlink_to((files.exports / str(version)).resolve())
            arguments = ["--model_name=m", f"--model_base_path={base}", *more]
            address = stack.enter_context(local_server(arguments))
            connects[name] = lambda address=address: _our_client(address)
        started = classifiers.started(_FLAGS.peers, files, benchmark.peer_python())
        for name, contender in stack.enter_context(started).items():
            port = contender.ask(_PEERS[name])
            make = _grpc_client if _PEERS[name] == "serve_grpc" else _http_client
            connects[name] = lambda make=make, port=port: make(port)
        yield connects


def _our_client(address: str) -> Ask:
    from keras_bert_cls.client import Client

    client = Client(address, "m")
    return lambda text: client.predict([text])[0].label


def _grpc_client(port: int) -> Ask:
    import grpc

    call = grpc.insecure_channel(f"127.0.0.1:{port}").unary_unary("/peer/Classify")
    return lambda text: call(text.encode()).decode()


def _http_client(port: int) -> Ask:
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask(text: str) -> str:
        connection.request("POST", "/", json.dumps({"text": text}))
        return json.loads(connection.getresponse().read())["label"]

    return ask


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return benchmark.run(_measure, argv)


if __name__ == "__main__":
    raise SystemExit(main())
