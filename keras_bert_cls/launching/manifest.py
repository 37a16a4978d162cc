"""Manifests for Kubernetes; the way in for programs."""

from collections.abc import Callable, Sequence

import yaml

from keras_bert_cls.launching.indexed_job import indexed_job
from keras_bert_cls.launching.manifest_options import ManifestOptions
from keras_bert_cls.launching.pod_template import Document
from keras_bert_cls.launching.tfjob import tfjob

_KINDS: dict[str, Callable[[ManifestOptions, Sequence[str]], list[Document]]] = {
    "job": indexed_job,
    "tfjob": tfjob,
}
KINDS = tuple(_KINDS)


def manifest(kind: str, options: ManifestOptions, command: Sequence[str], made_by: str) -> str:
    """Returns a manifest as YAML, for `kubectl apply --filename -`.

    Args:
      kind: one of KINDS.
      options: of the job.
      command: the training program and its arguments.
      made_by: the command line that made it; opens the manifest as a comment.

    Raises:
      UserError: an option is wrong.
    """
    options.check(command)
    comment = "".join(f"# {line}\n" for line in made_by.splitlines())
    documents = [
        yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100)
        for document in _KINDS[kind](options, command)
    ]
    return comment + "---\n".join(documents)


class _Dumper(yaml.SafeDumper):
    """Writes values that occur twice twice, and lists as people do."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)
