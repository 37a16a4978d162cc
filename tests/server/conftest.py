"""What the tests of the server share."""

import pytest
import tiny_models
from running_server import running_server
from server_stubs import Stubs


@pytest.fixture(scope="session")
def classifier_folder(tmp_path_factory):
    """A saved classifier to copy versions from."""
    folder = tmp_path_factory.mktemp("classifier") / "saved"
    tiny_models.write_classifier(folder)
    return folder


@pytest.fixture(scope="session")
def other_classifier_folder(tmp_path_factory):
    """A saved classifier that scores every text as if it were 100 bytes longer."""
    folder = tmp_path_factory.mktemp("other") / "saved"
    tiny_models.write_classifier(folder, shift=100.0)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory, classifier_folder):
    """A server of the classifier as version 3 of the model "tiny"."""
    base = tmp_path_factory.mktemp("base")
    (base / "3").symlink_to(classifier_folder)
    with running_server(base, max_batch_size=64) as running:
        yield running


@pytest.fixture(scope="module")
def stubs(server):
    """The official stubs on `server`."""
    connected = Stubs(server.address)
    with connected.channel:
        yield connected
