"""Finds out what a model wants to be asked."""

from collections.abc import Iterable

from keras_bert_cls.client import SignatureSpec, TensorSpec
from keras_bert_cls.errors import UserError, closest

_TEXTS = TensorSpec("string", (None,))


def text_inputs(signatures: dict[str, SignatureSpec], name: str) -> tuple[str, ...]:
    """Returns the inputs of a signature that takes nothing but texts.

    Args:
      signatures: of the model.
      name: of the signature.

    Raises:
      UserError: there is no such signature, or it takes something else.
    """
    if name not in signatures:
        raise UserError(
            f"the model has no signature {name!r}; it has {_listed(signatures)}."
            f"{closest(name, signatures)}"
        )
    inputs = signatures[name].inputs
    if not inputs or any(spec != _TEXTS for spec in inputs.values()):
        described = (f"{alias}: {spec.dtype} {spec.shape}" for alias, spec in inputs.items())
        raise UserError(
            f"expected signature {name!r} to take vectors of strings, it takes {_listed(described)}"
        )
    return tuple(sorted(inputs))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
