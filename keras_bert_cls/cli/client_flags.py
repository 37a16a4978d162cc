"""The flags by which programs are told of a server: where it is, who may ask, and which model."""

import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.errors import UserError

if TYPE_CHECKING:
    from keras_bert_cls.client import Client
    from keras_bert_cls.client.endpoint import Endpoint
    from keras_bert_cls.client.requests import ModelChoice

# Flags of no use without --server, and without a default.
ONLY_WITH_SERVER = (
    "version",
    "version_label",
    "tls_root_certificates",
    "tls_certificate",
    "tls_key",
    "bearer_token_file",
)


def define_client_flags(
    program: Program, server_help: str, *, required: bool, timeout: float
) -> None:
    """Defines --server, --model_name, --timeout and what goes with them.

    Args:
      program: gets the flags.
      server_help: what --server is.
      required: whether the program needs --server and --model_name.
      timeout: default of --timeout, in seconds.
    """

    def string(name: str, help_text: str, *, required: bool = False) -> None:
        flags.DEFINE_string(name, None, help_text, required=required, flag_values=program.flags)

    string("server", server_help, required=required)
    string("model_name", "The model's name on the server.", required=required)
    flags.DEFINE_integer(
        "version", None, "A version's number; the newest by default.", flag_values=program.flags
    )
    string("version_label", "A version's label, instead of a number.")
    flags.DEFINE_float(
        "timeout",
        timeout,
        "Seconds a request to the server may take.",
        0.001,
        flag_values=program.flags,
    )
    flags.DEFINE_bool(
        "tls",
        False,
        "Whether to encrypt; a file of --tls_... does so too.",
        flag_values=program.flags,
    )
    string("tls_root_certificates", "PEM of whom to trust; by default public authorities.")
    string("tls_certificate", "PEM of our own, for a server that asks for one (mutual TLS).")
    string("tls_key", "PEM of the key to --tls_certificate.")
    string("bearer_token_file", "Holds the secret that the server asks for.")


def define_model_or_server(program: Program, model_help: str) -> None:
    """Defines --model, and the flags of a server that is asked instead of it.

    Args:
      program: gets the flags.
      model_help: what --model is.
    """
    flags.DEFINE_string("model", None, model_help, flag_values=program.flags)
    server_help = "HOST:PORT of a running server (gRPC), instead of --model."
    define_client_flags(program, server_help, required=False, timeout=60.0)

    def require(names: list[str], message: str, holds: Callable[[dict[str, Any]], bool]) -> None:
        flags.register_multi_flags_validator(names, holds, message, flag_values=program.flags)

    require(
        ["model", "server"],
        "give either --model or --server",
        lambda values: (values["model"] is None) != (values["server"] is None),
    )
    require(
        ["server", "model_name"],
        "--server needs --model_name, and --model_name needs --server",
        lambda values: (values["server"] is None) == (values["model_name"] is None),
    )
    require(
        ["server", *ONLY_WITH_SERVER],
        f"{', '.join(f'--{name}' for name in ONLY_WITH_SERVER)}: only with --server",
        lambda values: (
            values["server"] is not None or all(value is None for value in values.values())
        ),
    )


def endpoint_of(program: Program) -> "Endpoint":
    """Returns the server that the flags name; raises UserError if the secret cannot be read."""
    from keras_bert_cls.client.endpoint import Endpoint, Tls

    values = program.flags
    files = (values.tls_root_certificates, values.tls_certificate, values.tls_key)
    tls = Tls(*files) if values.tls or any(files) else None
    return Endpoint(values.server, tls, _secret(values.bearer_token_file))


def model_choice_of(program: Program) -> "ModelChoice":
    """Returns the model and version that the flags name; raises UserError for two versions."""
    from keras_bert_cls.client.requests import ModelChoice

    values = program.flags
    return ModelChoice(values.model_name, values.version, values.version_label)


def open_client(program: Program, **settings: Any) -> "Client":
    """Returns a client of the server and the model that the flags name.

    Args:
      program: has the flags.
      **settings: more of the client's arguments.

    Raises:
      UserError: the secret cannot be read, or two versions are named.
    """
    from keras_bert_cls.client import Client

    endpoint, model = endpoint_of(program), model_choice_of(program)
    return Client(
        endpoint.target,
        model.name,
        version=model.version,
        version_label=model.version_label,
        timeout=program.flags.timeout,
        tls=endpoint.tls,
        bearer_token=endpoint.bearer_token,
        **settings,
    )


def _secret(file: str | None) -> str | None:
    if file is None:
        return None
    try:
        return pathlib.Path(file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"--bearer_token_file: expected a file with a secret in ASCII, got {file}: {error}"
        ) from error
