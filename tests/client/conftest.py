"""What the tests of the client share: the servers and models of the server's tests."""

import pytest
import tiny_models
from running_server import running_server

from keras_bert_cls.client import Client


@pytest.fixture(scope="session")
def versions(tmp_path_factory):
    """Two saved classifiers; the second scores texts as if they were 100 bytes longer."""
    folder = tmp_path_factory.mktemp("classifiers")
    tiny_models.write_classifier(folder / "first")
    tiny_models.write_classifier(folder / "second", shift=100.0)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory, versions):
    """A server of the first classifier as version 1 of "tiny"."""
    base = tmp_path_factory.mktemp("base")
    (base / "1").symlink_to(versions / "first")
    with running_server(base) as running:
        running.base = base
        yield running


@pytest.fixture(scope="module")
def client(server):
    """A client of `server`."""
    with Client(server.address, "tiny") as connected:
        yield connected
