"""What a server can be told. Imports no TensorFlow: `--help` shows the defaults."""

import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True)
class ServerOptions:
    """Settings of a server; those that tensorflow_model_server has too bear its names.

    Either `model_base_path` or `model_config_file` is given.

    Attributes:
      model_base_path: the folder with a folder for each version.
      model_name: the model's name in requests.
      model_config_file: a ModelServerConfig in protobuf's text format, for several models.
      model_config_file_poll_wait_seconds: time between looks at that file; 0 looks at start only.
      allowed_model_roots: folders whose models HandleReloadConfigRequest may name besides those
        in the config.
      allow_version_labels_for_unavailable_models: whether an unused label may be given to a version
        that does not answer yet, as is none when the server starts.
      file_system_poll_wait_seconds: time between looks for new versions; 0 looks at start only.
      max_num_load_retries: how often a version that cannot be loaded is tried again, while its
        files stay the same; when they change it is tried at the next look.
      load_retry_interval_micros: microseconds between two tries.
      enable_model_warmup: whether a version's recorded requests run before it serves.
      num_request_iterations_for_warmup: how often each of them runs.
      saved_model_tags: of the SavedModel's graph.
      host: the address to listen on.
      port: the gRPC port; 0 takes a free one.
      grpc_socket_path: a UNIX socket to listen on for gRPC as well; none by default.
      rest_api_port: the HTTP port; 0 serves no REST, -1 takes a free one.
      rest_api_timeout_in_ms: time that a REST request may take.
      rest_api_num_threads: REST requests under way at a time; more wait.
      rest_api_idle_seconds: time that an HTTP connection, new or kept alive, may take to send the
        whole head of a request; then it is closed.
      rest_api_enable_cors_support: whether pages of other sites may ask.
      ui: whether the HTTP port shows the page for people.
      grpc_max_threads: gRPC requests under way at a time; more are refused.
      grpc_max_concurrent_streams: of these, by one connection; more wait.
      grpc_channel_arguments: pairs NAME=VALUE for the gRPC server.
      ssl_config_file: an SSLConfig in text format; connections are encrypted then.
      bearer_token_file: holds a secret that every request must bring.
      monitoring_config_file: a MonitoringConfig in text format: Prometheus metrics over HTTP.
      enable_batching: whether requests share batches.
      batching_parameters_file: BatchingParameters in text format; they override the next three.
      max_batch_size: rows of a batch, and of a single request.
      num_batch_threads: batches that are computed at a time; 0 is the number of CPUs that the
        process may use when the server starts.
      max_enqueued_batches: full batches that may wait; more is refused.
      max_batch_tokens: tokens of a batch, roughly; longer texts make batches of fewer rows, and a
        request with more is computed some rows at a time.
      max_text_bytes: size of a single text.
      max_message_bytes: size of a request.
      tensorflow_session_parallelism: sets the next two at once; 0 leaves them.
      tensorflow_intra_op_parallelism: threads that share one op; 0 is TensorFlow's choice.
      tensorflow_inter_op_parallelism: threads that run the ops of all batches; 0 is TensorFlow's
        choice, -1 runs each batch on the thread of its worker, so that workers do not wait for
        each other, and an export with branches on a thread for each of them.
      per_process_gpu_memory_fraction: of each GPU; 0 takes what is needed.
      drain_seconds: time that requests under way get when the server is told to stop.
    """

    model_base_path: pathlib.Path | None = None
    model_name: str = "default"
    model_config_file: pathlib.Path | None = None
    model_config_file_poll_wait_seconds: float = 0
    allowed_model_roots: tuple[pathlib.Path, ...] = ()
    allow_version_labels_for_unavailable_models: bool = False
    file_system_poll_wait_seconds: float = 1
    max_num_load_retries: int = 5
    load_retry_interval_micros: int = 60_000_000
    enable_model_warmup: bool = True
    num_request_iterations_for_warmup: int = 1
    saved_model_tags: tuple[str, ...] = ("serve",)
    host: str = "127.0.0.1"
    port: int = 8500
    grpc_socket_path: str = ""
    rest_api_port: int = 0
    rest_api_timeout_in_ms: int = 30_000
    rest_api_num_threads: int = 1024
    rest_api_idle_seconds: float = 75  # Proxies reuse their connections for up to a minute.
    rest_api_enable_cors_support: bool = False
    ui: bool = True
    grpc_max_threads: int = 1024
    grpc_max_concurrent_streams: int = 1024
    grpc_channel_arguments: tuple[str, ...] = ()
    ssl_config_file: pathlib.Path | None = None
    bearer_token_file: pathlib.Path | None = None
    monitoring_config_file: pathlib.Path | None = None
    enable_batching: bool = True
    batching_parameters_file: pathlib.Path | None = None
    max_batch_size: int = 256
    num_batch_threads: int = 0
    max_enqueued_batches: int = 16
    max_batch_tokens: int = 4096
    max_text_bytes: int = 1 << 20
    max_message_bytes: int = 64 << 20
    tensorflow_session_parallelism: int = 0
    tensorflow_intra_op_parallelism: int = 1
    tensorflow_inter_op_parallelism: int = -1
    per_process_gpu_memory_fraction: float = 0
    drain_seconds: float = 30
