"""What the run of an evaluated model says about its own data."""

import os

from keras_bert_cls.data.config import ClassificationData
from keras_bert_cls.training.config import FinetuneConfig
from keras_bert_cls.training.run_config import config_of_task
from keras_bert_cls.training.run_directory import RunDirectory


def run_data(model: str | os.PathLike, task: str | None = None) -> ClassificationData | None:
    """Returns what the config of a run says about its data; None of exports and imported models.

    Args:
      model: the run's folder.
      task: which task of a run of several.
    """
    config = config_of_task(RunDirectory(model).read_config(), task)
    return config.data if isinstance(config, FinetuneConfig) else None
