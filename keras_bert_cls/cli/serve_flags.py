"""The flags of bertcls-serve: those of tensorflow_model_server under its names, and our own."""

from absl import flags

from keras_bert_cls.server.options import ServerOptions

# Flags of tensorflow_model_server that this server does not have -> why, or what to do instead.
UNSUPPORTED = {
    "mixed_precision": "models run in the precision that they were exported in",
    "num_load_threads": "versions of different models load at once, those of one in turn",
    "num_tflite_interpreters_per_pool": "TensorFlow Lite models are not served",
    "num_tflite_pools": "TensorFlow Lite models are not served",
    "num_unload_threads": "versions unload when their last request is answered",
    "platform_config_file": "TensorFlow is the only platform",
    "tensorflow_session_config_file": "use the flags --tensorflow_..._parallelism",
    "thread_pool_factory_config_file": "use the flags --tensorflow_..._parallelism",
}
# Switches of tensorflow_model_server that cannot be turned here -> how they stand, and why.
FIXED = {
    "enable_grpc_healthcheck_service": (True, "health checks are always answered"),
    "enable_per_model_batching_parameters": (
        False,
        "--batching_parameters_file holds for all models",
    ),
    "enable_profiler": (False, "TensorFlow's profiler is not in this server"),
    "enable_serialization_as_tensor_content": (False, "answers use typed fields"),
    "enable_signature_method_name_check": (False, "method names are not checked"),
    "flush_filesystem_caches": (False, "the system's caches are left alone"),
    "force_allow_any_version_labels_for_unavailable_models": (
        False,
        "use --allow_version_labels_for_unavailable_models",
    ),
    "prefer_tflite_model": (False, "TensorFlow Lite models are not served"),
    "remove_unused_fields_from_bundle_metagraph": (False, "graphs are kept as they are"),
    "skip_initialize_tpu": (True, "there is no TPU in this server"),
    "use_alts_credentials": (False, "use --ssl_config_file"),
    "version": (False, "`pip show keras_bert_cls` tells it"),
    "xla_cpu_compilation_enabled": (False, "exports hold no XLA"),
    "xla_gpu_compilation_enabled": (False, "exports hold no XLA"),
}


def define_flags(values: flags.FlagValues) -> None:
    """Defines all flags in `values`."""
    _define_models(values)
    _define_versions(values)
    _define_network(values)
    _define_security(values)
    _define_batching(values)
    _define_unsupported(values)


def _define_models(values: flags.FlagValues) -> None:
    string, _, real, boolean = _definers(values)
    string("model_base_path", "The folder with a numbered folder for each version.")
    string("model_name", "The model's name in requests.")
    string(
        "model_config_file",
        "A ModelServerConfig in text format: several models, version policies and labels. If "
        "used, --model_name and --model_base_path are ignored.",
    )
    real(
        "model_config_file_poll_wait_seconds", "Time between looks at that file; 0: at start only."
    )
    flags.DEFINE_list(
        "allowed_model_roots",
        [],
        "Folders below which clients may name models in HandleReloadConfigRequest; without it "
        "only the folders of the config.",
        flag_values=values,
    )
    boolean(
        "allow_version_labels_for_unavailable_models",
        "Whether an unused label may be given to a version that does not answer yet; needed for "
        "labels in --model_config_file when the server starts.",
    )
    flags.register_multi_flags_validator(
        ["model_base_path", "model_config_file"],
        lambda given: given["model_base_path"] or given["model_config_file"],
        message="give --model_base_path or --model_config_file",
        flag_values=values,
    )


def _define_versions(values: flags.FlagValues) -> None:
    _, number, real, boolean = _definers(values)
    real("file_system_poll_wait_seconds", "Time between looks for new versions; 0: at start only.")
    number("max_num_load_retries", "How often a version that cannot be loaded is tried again.", 0)
    number("load_retry_interval_micros", "Microseconds between two tries.", None)
    boolean("enable_model_warmup", "Whether a version's recorded requests run before it serves.")
    number("num_request_iterations_for_warmup", "How often each of them runs.", 1)
    flags.DEFINE_list(
        "saved_model_tags",
        list(ServerOptions.saved_model_tags),
        "Of the SavedModel's graph.",
        flag_values=values,
    )


def _define_network(values: flags.FlagValues) -> None:
    string, number, _, boolean = _definers(values)
    string(
        "host",
        "The address to listen on; 0.0.0.0 for all. Without --ssl_config_file connections are not "
        "encrypted, and without --bearer_token_file everyone who can connect may ask.",
    )
    number("port", "The gRPC port; 0 takes a free one.", 0, 65535)
    string("grpc_socket_path", "A UNIX socket to listen on for gRPC as well.")
    number("rest_api_port", "The HTTP port; 0 serves no REST, -1 takes a free one.", -1, 65535)
    number("rest_api_timeout_in_ms", "Time that a REST request may take.", 1)
    number("rest_api_num_threads", "REST requests under way at a time; more wait.", 1)
    flags.DEFINE_float(
        "rest_api_idle_seconds",
        ServerOptions.rest_api_idle_seconds,
        "Time that an HTTP connection, new or kept alive, may take to send the head of a request.",
        0.001,
        flag_values=values,
    )
    boolean("rest_api_enable_cors_support", "Whether pages of other sites may ask.")
    boolean(
        "ui",
        "Whether / on the HTTP port is a page to try the models in a browser; --noui: 404 there.",
    )
    number("grpc_max_threads", "gRPC requests under way at a time; more are refused.", 1)
    number("grpc_max_concurrent_streams", "Of these, by one connection; more wait.", 1)
    flags.DEFINE_list(
        "grpc_channel_arguments",
        [],
        "Pairs NAME=VALUE for the gRPC server, such as grpc.max_connection_age_ms=2000.",
        flag_values=values,
    )
    flags.register_validator(
        "grpc_channel_arguments",
        lambda pairs: all("=" in pair for pair in pairs),
        "expected pairs NAME=VALUE",
        flag_values=values,
    )


def _define_security(values: flags.FlagValues) -> None:
    string, number, _, _ = _definers(values)
    string(
        "ssl_config_file",
        "An SSLConfig in text format (server_key, server_cert, custom_ca, client_verify, PEM "
        "texts): TLS for gRPC and REST.",
    )
    string("bearer_token_file", "Holds a secret that every request must bring, but health checks.")
    string(
        "monitoring_config_file",
        "A MonitoringConfig in text format, such as prometheus_config { enable: true }: metrics "
        "on the HTTP port.",
    )
    number("max_message_bytes", "Size of a request.", 1)
    number("max_text_bytes", "Size of a single text.", 1)


def _define_batching(values: flags.FlagValues) -> None:
    string, number, _, boolean = _definers(values)
    boolean("enable_batching", "Whether requests share batches.")
    string("batching_parameters_file", "BatchingParameters in text format.")
    number("max_batch_size", "Texts of a batch, and of a single request.", 1)
    number("max_batch_tokens", "Tokens of a batch, roughly.", 1)
    flags.DEFINE_string(
        "cpus",
        None,
        "CPUs that the server may use, such as 0-3,8; all that it is given by default. Defaults of "
        "threads follow from how many they are, and from the CPU quota of a container.",
        flag_values=values,
    )
    number("num_batch_threads", "Batches that are computed at a time; 0: the number of CPUs.", 0)
    number("max_enqueued_batches", "Full batches that may wait; more is refused.", 1)
    number("tensorflow_session_parallelism", "Sets the next two at once; 0 leaves them.", 0)
    number("tensorflow_intra_op_parallelism", "Threads that share one op; 0: TensorFlow's.", 0)
    number(
        "tensorflow_inter_op_parallelism",
        "Threads that run the ops of all batches; 0: TensorFlow's; -1: each batch runs on the "
        "thread of its worker, or if the export has branches, they run on a thread each.",
        -1,
    )
    flags.DEFINE_float(
        "per_process_gpu_memory_fraction",
        ServerOptions.per_process_gpu_memory_fraction,
        "Of each GPU; 0 takes what is needed.",
        0,
        1,
        flag_values=values,
    )
    flags.register_multi_flags_validator(
        [f"tensorflow_{kind}_parallelism" for kind in ("session", "intra_op", "inter_op")],
        _is_one_kind_of_parallelism,
        message="give --tensorflow_session_parallelism, or the other two, not all",
        flag_values=values,
    )


def _is_one_kind_of_parallelism(given: dict[str, int]) -> bool:
    both, *others = given.values()
    defaults = (
        ServerOptions.tensorflow_intra_op_parallelism,
        ServerOptions.tensorflow_inter_op_parallelism,
    )
    return not both or tuple(others) == defaults


def _define_unsupported(values: flags.FlagValues) -> None:
    for name, reason in UNSUPPORTED.items():
        flags.DEFINE_string(name, None, f"Not supported: {reason}.", flag_values=values)
        _allow_only(name, (None,), reason, values)
    for name, (stands, reason) in FIXED.items():
        help_text = f"Always {str(stands).lower()}: {reason}."
        flags.DEFINE_bool(name, None, help_text, flag_values=values)
        _allow_only(name, (None, stands), reason, values)


def _allow_only(
    name: str, allowed: tuple[bool | None, ...], reason: str, values: flags.FlagValues
) -> None:
    flags.register_validator(
        name,
        lambda value: value in allowed,
        f"tensorflow_model_server has this flag, bertcls-serve has not: {reason}",
        flag_values=values,
    )


def _definers(values: flags.FlagValues):
    """Returns functions that define strings, numbers, decimals ≥ 0 and booleans.

    Defaults are those of ServerOptions.
    """

    def string(name: str, help_text: str) -> None:
        flags.DEFINE_string(name, getattr(ServerOptions, name), help_text, flag_values=values)

    def number(name: str, help_text: str, lower: int | None, upper: int | None = None) -> None:
        default = getattr(ServerOptions, name)
        flags.DEFINE_integer(name, default, help_text, lower, upper, flag_values=values)

    def real(name: str, help_text: str) -> None:
        flags.DEFINE_float(name, getattr(ServerOptions, name), help_text, 0, flag_values=values)

    def boolean(name: str, help_text: str) -> None:
        flags.DEFINE_bool(name, getattr(ServerOptions, name), help_text, flag_values=values)

    return string, number, real, boolean
