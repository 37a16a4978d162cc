"""Version labels: names such as "stable" and "canary" for versions, set by the config."""

from collections.abc import Callable

from keras_bert_cls.server.model_config import ModelServerConfig
from keras_bert_cls.server.status_errors import failed_precondition, invalid_argument

Labels = dict[tuple[str, str], int]


class VersionLabels:
    """The labels of all models.

    Args:
      allow_unavailable: whether an unused label may be given to a version that does not answer
        yet; --allow_version_labels_for_unavailable_models.
    """

    def __init__(self, allow_unavailable: bool = False):
        self._allow_unavailable = allow_unavailable
        self._versions: Labels = {}

    def checked(
        self, config: ModelServerConfig, is_available: Callable[[str, int], bool]
    ) -> Labels:
        """Returns the labels of `config`, for `replace`.

        Args:
          config: the wanted state.
          is_available: whether the version of a model answers now.

        Raises:
          ServingError: a label is to be given to a version that does not answer.
        """
        labels = {}
        for model in config.model_config_list.config:
            for label, version in model.version_labels.items():
                key = model.name, label
                unused = self._versions.get(key, version) == version
                allowed = self._allow_unavailable and unused
                if not allowed and not is_available(model.name, version):
                    raise failed_precondition(
                        f"Request to assign label to version {version} of model {model.name}, "
                        "which is not currently available for inference"
                    )
                labels[key] = version
        return labels

    def replace(self, labels: Labels) -> None:
        """Makes these the labels."""
        self._versions = labels

    def version(self, model_name: str, label: str) -> int:
        """Returns the version that a label means; raises ServingError if it means none."""
        try:
            return self._versions[model_name, label]
        except KeyError:
            raise invalid_argument(f"Unrecognized servable version label: {label}") from None
