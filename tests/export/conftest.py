"""What the tests of exports share: every export is made once."""

import pytest
from broken_models import lengths, save
from tiny_trained_models import make_trained_model

from keras_bert_cls.export.saved_model import export_saved_model


class Exported:
    """A model and its export."""

    def __init__(self, trained, folder):
        self.trained = trained
        self.folder = folder


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """Returns the export of a task, made at the first call."""
    made = {}

    def get(task: str, text_pair: bool = False) -> Exported:
        key = task, text_pair
        if key not in made:
            trained = make_trained_model(task, text_pair=text_pair)
            folder = export_saved_model(
                trained,
                tmp_path_factory.mktemp(task),
                model_card={"scores": {"accuracy": 0.5}},
            )
            made[key] = Exported(trained, folder)
        return made[key]

    return get


@pytest.fixture
def plain(tmp_path):
    """Returns a SavedModel of one function, with nothing wrong."""
    return save(tmp_path / "m", lengths)
