"""What a server can be told. Imports no TensorFlow: `--help` shows the defaults."""

import dataclasses
import os
import pathlib


@dataclasses.dataclass(frozen=True)
class ServerOptions:
    """Settings of a server; those that tensorflow_model_server has too bear its names.

    Attributes:
      model_base_path: the folder with a folder for each version.
      model_name: the model's name in requests.
      host: the address to listen on.
      port: the gRPC port; 0 takes a free one.
      file_system_poll_wait_seconds: time between looks for new versions; 0 looks at start only.
      enable_model_warmup: whether a version's recorded requests run before it serves.
      max_batch_size: rows of a batch, and of a single request.
      num_batch_threads: batches that are computed at a time; half the cores by default, because
        the event loop and gRPC need the rest, and fewer workers gather larger batches.
      max_enqueued_batches: full batches that may wait; more is refused.
      grpc_max_threads: requests under way at a time; more are refused.
      max_message_bytes: size of a request.
      tensorflow_intra_op_parallelism: threads that share one op; 0 is TensorFlow's choice.
      tensorflow_inter_op_parallelism: threads that run independent ops; 0 is TensorFlow's choice.
      drain_seconds: time that requests under way get when the server is told to stop.
    """

    model_base_path: pathlib.Path
    model_name: str = "default"
    host: str = "127.0.0.1"
    port: int = 8500
    file_system_poll_wait_seconds: float = 1
    enable_model_warmup: bool = True
    max_batch_size: int = 256
    num_batch_threads: int = max(1, (os.cpu_count() or 1) // 2)
    max_enqueued_batches: int = 16
    grpc_max_threads: int = 1024
    max_message_bytes: int = 64 << 20
    tensorflow_intra_op_parallelism: int = 1
    tensorflow_inter_op_parallelism: int = 1
    drain_seconds: float = 30
