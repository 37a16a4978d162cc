"""The messages of TensorFlow Serving's config files that tensorflow-serving-api leaves out.

They are declared here with the names of the public .proto files, which is all that protobuf's text
format knows. They live in a pool of their own and are never sent anywhere.
"""

import pathlib
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from keras_bert_cls.errors import UserError

_PACKAGE = "keras_bert_cls.server"
_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _Field.TYPE_BOOL,
    "int64": _Field.TYPE_INT64,
    "string": _Field.TYPE_STRING,
}
_SCHEMA = {
    "Int64Value": {"value": "int64"},
    "StringValue": {"value": "string"},
    "BoolValue": {"value": "bool"},
    "SSLConfig": {
        "server_key": "string",
        "server_cert": "string",
        "custom_ca": "string",
        "client_verify": "bool",
    },
    "PrometheusConfig": {"enable": "bool", "path": "string"},
    "MonitoringConfig": {"prometheus_config": "PrometheusConfig"},
    "BatchingParameters": {
        "max_batch_size": "Int64Value",
        "batch_timeout_micros": "Int64Value",
        "max_enqueued_batches": "Int64Value",
        "num_batch_threads": "Int64Value",
        "thread_pool_name": "StringValue",
        "allowed_batch_sizes": "repeated int64",
        "pad_variable_length_inputs": "bool",
        "enable_large_batch_splitting": "BoolValue",
        "max_execution_batch_size": "Int64Value",
    },
}


def read_config_message(kind: str, path: pathlib.Path, flag: str) -> Any:
    """Reads a config file in protobuf's text format.

    Args:
      kind: "SSLConfig", "MonitoringConfig" or "BatchingParameters".
      path: the file.
      flag: that names it, for errors.

    Returns:
      A message with the fields of TensorFlow Serving's message of that name.

    Raises:
      UserError: the file cannot be read, or is no such message.
    """
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), _MESSAGES[kind]())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{flag} cannot be read: {error}") from error
    except text_format.ParseError as error:
        fields = ", ".join(_SCHEMA[kind])
        raise UserError(f"{path}:{error}: expected a {kind} with fields among {fields}") from error


def _message_classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="keras_bert_cls/server_config.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _SCHEMA.items():
        message = file.message_type.add(name=name)
        for number, (field_name, kind) in enumerate(fields.items(), start=1):
            label, _, element = kind.rpartition(" ")
            field = message.field.add(name=field_name, number=number)
            field.label = _Field.LABEL_REPEATED if label else _Field.LABEL_OPTIONAL
            if element in _SCALARS:
                field.type = _SCALARS[element]
            else:
                field.type = _Field.TYPE_MESSAGE
                field.type_name = f".{_PACKAGE}.{element}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _SCHEMA
    }


_MESSAGES = _message_classes()
