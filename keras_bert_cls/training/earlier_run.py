"""Earlier runs that a run learns from, or is compared with."""

from keras_bert_cls.data.labels import LabelSet
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.training.config import FinetuneConfig

_LABELS_SHOWN = 5


def load_classifier(
    folder: str, field: str, config: FinetuneConfig, labels: LabelSet | None
) -> TrainedModel:
    """Loads the model of a finished run that answers what this run's model will answer.

    Args:
      folder: workdir of the finished run.
      field: of the config that names it, for the error.
      config: of this run.
      labels: of this run; None for regression.

    Raises:
      UserError: there is no finished run, or it has another task, other labels, or takes another
        number of texts.
    """
    trained = TrainedModel.load(folder)
    if problem := _mismatch(trained.settings, config, labels):
        raise UserError(f"{field} {folder}: {problem}")
    return trained


def _mismatch(settings: ModelSettings, config: FinetuneConfig, labels: LabelSet | None) -> str:
    names = labels.names if labels else ()
    if settings.task != config.task:
        return f"its task is {settings.task}, that of data is {config.task}"
    if settings.text_pair != (config.data.text_pair_column is not None):
        kinds = ("one text", "pairs of texts")
        return f"it takes {kinds[settings.text_pair]}, data has {kinds[1 - settings.text_pair]}"
    if sorted(settings.labels) != sorted(names):
        return f"its labels are not those of data: {_difference(settings.labels, names)}"
    return ""


def _difference(earlier: tuple[str, ...], own: tuple[str, ...]) -> str:
    sides = {"that run": set(earlier) - set(own), "the data": set(own) - set(earlier)}
    parts = [
        f"only {side} has {', '.join(map(repr, sorted(names)[:_LABELS_SHOWN]))}"
        + (" …" if len(names) > _LABELS_SHOWN else "")
        for side, names in sides.items()
        if names
    ]
    return "; ".join(parts)
