"""Requests out of texts."""

from collections.abc import Iterator, Sequence
from typing import Any

from keras_bert_cls.client.schema import MESSAGES
from keras_bert_cls.errors import UserError

_DT_STRING = 7
_CLASSIFY_SIGNATURE = "classify"


def model_spec(name: str, version: int | None) -> Any:
    """Returns the ModelSpec of a version; None means the newest."""
    spec = MESSAGES["ModelSpec"](name=name)
    if version is not None:
        spec.version.value = version
    return spec


def predict_request(spec: Any, columns: dict[str, list[bytes]]) -> Any:
    """Returns a PredictRequest for the signature serving_default.

    Args:
      spec: the ModelSpec.
      columns: the signature's input -> texts.
    """
    request = MESSAGES["PredictRequest"](model_spec=spec)
    for name, texts in columns.items():
        tensor = request.inputs[name]
        tensor.dtype = _DT_STRING
        tensor.tensor_shape.dim.add(size=len(texts))
        tensor.string_val.extend(texts)
    return request


def classification_request(spec: Any, columns: dict[str, list[bytes]]) -> Any:
    """Returns a ClassificationRequest for the signature classify.

    Args:
      spec: the ModelSpec; becomes that of the signature.
      columns: name of the feature in each tf.Example -> texts.
    """
    spec.signature_name = _CLASSIFY_SIGNATURE
    request = MESSAGES["ClassificationRequest"](model_spec=spec)
    for row in zip(*columns.values(), strict=True):
        features = request.input.example_list.examples.add().features
        for name, text in zip(columns, row, strict=True):
            features.feature[name].bytes_list.value.append(text)
    return request


def encoded_columns(
    texts: Sequence[str], text_pairs: Sequence[str] | None
) -> dict[str, list[bytes]]:
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


def slices(columns: dict[str, list[bytes]], size: int) -> Iterator[dict[str, list[bytes]]]:
    """Yields the columns in parts of at most `size` rows."""
    for start in range(0, len(columns["text"]), size):
        yield {name: texts[start : start + size] for name, texts in columns.items()}


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
