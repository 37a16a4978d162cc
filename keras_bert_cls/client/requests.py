"""Requests out of texts."""

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeAlias

from keras_bert_cls.client.schema import MESSAGES
from keras_bert_cls.errors import UserError

_DT_STRING = 7
# dtype -> its number in TensorFlow, and the field of a TensorProto that holds it.
_NUMBERS = {"float32": (1, "float_val"), "int32": (3, "int_val"), "int64": (9, "int64_val")}

Columns: TypeAlias = dict[str, list[bytes]]
"""The model's input, or feature, -> texts in UTF-8."""
Settings: TypeAlias = dict[str, tuple[str, list[int] | list[float]]]
"""The model's input -> its dtype and a number for each text."""


@dataclasses.dataclass(frozen=True)
class ModelChoice:
    """A model and a version of it.

    Attributes:
      name: the model's name on the server.
      version: a number; without it and a label the newest.
      version_label: a name that the server gives to a version, such as "stable".
    """

    name: str
    version: int | None = None
    version_label: str | None = None

    def __post_init__(self) -> None:
        if self.version is not None and self.version_label is not None:
            raise UserError(
                f"expected a version or a version_label, got both {self.version} and "
                f"{self.version_label!r}"
            )

    def spec(self, signature: str | None = None) -> Any:
        """Returns the ModelSpec; without a signature the server takes serving_default."""
        spec = MESSAGES["ModelSpec"](
            name=self.name, version_label=self.version_label, signature_name=signature
        )
        if self.version is not None:
            spec.version.value = self.version
        return spec


def predict_request(
    spec: Any, columns: Columns, rows: Sequence[int], settings: Settings | None = None
) -> Any:
    """Returns a PredictRequest.

    Args:
      spec: the ModelSpec.
      columns: the signature's inputs.
      rows: indices of the texts to send.
      settings: inputs that are numbers, one for each text; None for none.
    """
    request = MESSAGES["PredictRequest"](model_spec=spec)
    for name, texts in columns.items():
        tensor = request.inputs[name]
        tensor.dtype = _DT_STRING
        tensor.tensor_shape.dim.add(size=len(rows))
        tensor.string_val.extend(texts[row] for row in rows)
    for name, (dtype, values) in (settings or {}).items():
        tensor = request.inputs[name]
        tensor.dtype, field = _NUMBERS[dtype]
        tensor.tensor_shape.dim.add(size=len(rows))
        getattr(tensor, field).extend(values[row] for row in rows)
    return request


def classification_request(spec: Any, columns: Columns, rows: Sequence[int]) -> Any:
    """Returns a ClassificationRequest.

    Args:
      spec: the ModelSpec.
      columns: the features of each tf.Example.
      rows: indices of the texts to send.
    """
    request = MESSAGES["ClassificationRequest"](model_spec=spec)
    for row in rows:
        features = request.input.example_list.examples.add().features
        for name, texts in columns.items():
            features.feature[name].bytes_list.value.append(texts[row])
    return request


def encoded_columns(texts: Sequence[str], text_pairs: Sequence[str] | None) -> Columns:
    """Returns the model's input name -> texts in UTF-8; raises UserError if they are no texts."""
    columns = {"text": _encoded("texts", texts)}
    if text_pairs is not None:
        columns["text_pair"] = _encoded("text_pairs", text_pairs)
        if len(columns["text_pair"]) != len(columns["text"]):
            raise UserError(
                f"expected as many text_pairs as texts, got {len(columns['text_pair'])} and "
                f"{len(columns['text'])}"
            )
    return columns


def _encoded(name: str, texts: Sequence[str]) -> list[bytes]:
    if isinstance(texts, str | bytes):
        raise UserError(f"expected {name} to be a list of strings, got one string: put it in [ ]")
    encoded = []
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise UserError(
                f"expected {name} to be a list of strings, {name}[{index}] is a "
                f"{type(text).__name__}"
            )
        try:
            encoded.append(text.encode("utf-8"))
        except UnicodeEncodeError as error:
            raise UserError(f"{name}[{index}] cannot be sent as UTF-8: {error}") from error
    return encoded
