"""Copies the tensors of a checkpoint into a model: all of them, or none with the reasons."""

import re
from collections.abc import Iterable, Mapping

import keras

from keras_bert_cls.checkpoints.stored_tensor import StoredTensor
from keras_bert_cls.checkpoints.weight_link import WeightLink
from keras_bert_cls.errors import UserError

_LISTED = 12

# (regular expression that a whole name matches, why such tensors are not taken)
IgnoreRule = tuple[str, str]


def ignored_tensors(names: Iterable[str], rules: Iterable[IgnoreRule]) -> dict[str, str]:
    """Returns the names that a rule leaves out, with the rule's reason."""
    rules = list(rules)
    found = {}
    for name in names:
        reason = next((why for pattern, why in rules if re.fullmatch(pattern, name)), None)
        if reason is not None:
            found[name] = reason
    return found


def transfer_weights(
    model: keras.Model,
    links: Mapping[str, WeightLink],
    tensors: Mapping[str, StoredTensor],
    ignored: Iterable[str],
    source: str,
) -> None:
    """Gives weights of a model the values that a checkpoint holds.

    Args:
      model: the model.
      links: for each weight to be set, by its path, where it is in the checkpoint.
      tensors: what the checkpoint holds, by name.
      ignored: names of tensors that are knowingly left out.
      source: the checkpoint, for messages.

    Raises:
      UserError: a tensor is missing, has another shape than the config says, or is neither used nor
        ignored. All such tensors are named, and no weight was changed.
    """
    weights = {weight.path: weight for weight in model.weights}
    expected = {
        name: shape
        for path, link in links.items()
        for name, shape in link.shapes(tuple(weights[path].shape)).items()
    }
    missing = sorted(name for name in expected if name not in tensors)
    unused = sorted(set(tensors) - set(expected) - set(ignored))
    other = [
        f"{name}: {list(tensors[name].shape)} instead of {list(shape)}"
        for name, shape in sorted(expected.items())
        if name in tensors and tensors[name].shape != shape
    ]
    problems = [
        *_listed("missing", missing),
        *_listed("of another shape than the config says", other),
        *_listed("of no known use", unused),
    ]
    if problems:
        raise UserError(
            f"{source}: the tensors are not those of the BERT model that its config describes, so "
            "nothing was loaded.\n" + "\n".join(problems) + "\nGive the config that belongs to the "
            "weights, or save the model again with the library that made it."
        )
    for path, link in links.items():
        values = {name: tensors[name].values() for name in link.names}
        weights[path].assign(link.join(values, tuple(weights[path].shape)))


def _listed(what: str, entries: list[str]) -> list[str]:
    """Returns a heading and the entries, cut to a readable number; nothing if there are none."""
    if not entries:
        return []
    more = [f"    and {len(entries) - _LISTED} more"] * (len(entries) > _LISTED)
    return [f"  {what}:", *(f"    {entry}" for entry in entries[:_LISTED]), *more]
