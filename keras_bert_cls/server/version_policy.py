"""Which of the versions on disk a model serves."""

from collections.abc import Iterable

from keras_bert_cls.server.model_config import VersionPolicy


def wanted_versions(policy: VersionPolicy, available: Iterable[int]) -> list[int]:
    """Returns the versions to serve, the newest first.

    Args:
      policy: `latest` (the default, with one version), `all` or `specific`.
      available: the versions on disk that can be served; what is known to be broken is not among
        them, so that `latest` means the newest that work.
    """
    newest_first = sorted(available, reverse=True)
    match policy.WhichOneof("policy_choice"):
        case "all":
            return newest_first
        case "specific":
            return [number for number in newest_first if number in policy.specific.versions]
    return newest_first[: max(policy.latest.num_versions, 1)]
