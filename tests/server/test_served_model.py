"""The life of versions, with servables that hold no model."""

import asyncio
import threading

import grpc
import pytest
from tensorflow_serving.apis import model_pb2

from keras_bert_cls.errors import UserError
from keras_bert_cls.server.model_manager import ModelManager
from keras_bert_cls.server.model_status import State, VersionStatus
from keras_bert_cls.server.served_model import ServedModel
from keras_bert_cls.server.status_errors import invalid_argument

AVAILABLE, END = VersionStatus(State.AVAILABLE), VersionStatus(State.END)


class FakeServable:
    def __init__(self, version):
        self.version = version
        self.is_closed = False

    def close(self):
        self.is_closed = True


class Loader:
    """Loads a version if its folder has a file `model` that does not say "broken"."""

    def __init__(self):
        self.loads = []

    def __call__(self, number, path):
        self.loads.append(number)
        if (path / "model").read_text() == "broken":
            raise invalid_argument("no good")
        return FakeServable(number)


def write_version(base, number, content="fine"):
    (base / str(number)).mkdir(exist_ok=True)
    (base / str(number) / "model").write_text(content)


def latest(manager):
    with manager.lease(model_pb2.ModelSpec(name="m")) as servable:
        return servable.version


@pytest.fixture
def loader():
    return Loader()


@pytest.fixture
def model(tmp_path, loader):
    return ServedModel("m", tmp_path, loader)


def test_the_newest_version_answers(tmp_path, model):
    async def body():
        for number in (2, 10, 9):
            write_version(tmp_path, number)
        (tmp_path / "temporary").mkdir()
        manager = ModelManager([model])
        await manager.load_all()
        assert latest(manager) == 10
        assert model.statuses == {10: AVAILABLE}

    asyncio.run(body())


def test_a_newer_version_takes_over_and_the_old_one_waits_for_its_users(tmp_path, model):
    async def body():
        write_version(tmp_path, 1)
        manager = ModelManager([model])
        await manager.load_all()
        with manager.lease(model_pb2.ModelSpec(name="m")) as old:
            write_version(tmp_path, 2)
            refreshing = asyncio.create_task(model.refresh())
            while model.statuses.get(2) != AVAILABLE:
                await asyncio.sleep(0)
            assert latest(manager) == 2
            assert model.statuses[1] == VersionStatus(State.UNLOADING)
            assert not old.is_closed
        await refreshing
        assert old.is_closed
        assert model.statuses == {1: END, 2: AVAILABLE}

    asyncio.run(body())


def test_the_old_version_answers_while_the_new_one_loads(tmp_path):
    async def body():
        may_load = threading.Event()

        def load(number, _):
            if number == 2:
                assert may_load.wait(30)
            return FakeServable(number)

        model = ServedModel("m", tmp_path, load)
        write_version(tmp_path, 1)
        manager = ModelManager([model])
        await manager.load_all()
        write_version(tmp_path, 2)
        refreshing = asyncio.create_task(model.refresh())
        while 2 not in model.statuses:
            await asyncio.sleep(0)
        assert model.statuses == {1: AVAILABLE, 2: VersionStatus(State.LOADING)}
        assert latest(manager) == 1
        may_load.set()
        await refreshing
        assert latest(manager) == 2

    asyncio.run(body())


def test_a_broken_version_never_replaces_a_good_one(tmp_path, model, loader, caplog):
    async def body():
        write_version(tmp_path, 1)
        manager = ModelManager([model])
        await manager.load_all()
        write_version(tmp_path, 2, "broken")
        await model.refresh()
        await model.refresh()
        assert latest(manager) == 1
        assert loader.loads == [1, 2]  # not tried again while its files stay as they are
        broken = VersionStatus(State.END, grpc.StatusCode.INVALID_ARGUMENT, "no good")
        assert model.statuses == {1: AVAILABLE, 2: broken}
        assert "version 2 is broken: no good" in caplog.text
        write_version(tmp_path, 2, "repaired")
        await model.refresh()
        assert latest(manager) == 2
        assert model.statuses == {1: END, 2: AVAILABLE}

    asyncio.run(body())


def test_unexpected_load_errors_are_told_without_details(tmp_path, model):
    async def body():
        write_version(tmp_path, 1)
        await model.refresh()
        (tmp_path / "2").mkdir()  # the fake loader dies of FileNotFoundError, which names a path
        await model.refresh()
        status = model.statuses[2]
        assert (status.state, status.code) == (State.END, grpc.StatusCode.INTERNAL)
        assert "/" not in status.message
        assert list(model.loaded) == [1]

    asyncio.run(body())


def test_removing_the_newest_version_rolls_back(tmp_path, model):
    async def body():
        write_version(tmp_path, 1)
        write_version(tmp_path, 2)
        await model.refresh()
        (tmp_path / "2").rename(tmp_path / "withdrawn")
        await model.refresh()
        assert list(model.loaded) == [1]
        assert model.statuses == {2: END, 1: AVAILABLE}

    asyncio.run(body())


def test_an_emptied_folder_does_not_stop_the_service(tmp_path, model):
    async def body():
        write_version(tmp_path, 1)
        await model.refresh()
        (tmp_path / "1").rename(tmp_path / "withdrawn")
        await model.refresh()
        assert list(model.loaded) == [1]

    asyncio.run(body())


def test_no_version_at_the_start(tmp_path, model):
    with pytest.raises(UserError, match=r"no version of model 'm'.*--model_base_path"):
        asyncio.run(ModelManager([model]).load_all())


def test_a_broken_version_at_the_start(tmp_path, model):
    write_version(tmp_path, 1)
    write_version(tmp_path, 4, "broken")
    with pytest.raises(UserError, match=r"version 4 of model 'm'.*no good"):
        asyncio.run(ModelManager([model]).load_all())


def test_close_frees_everything(tmp_path, model):
    async def body():
        write_version(tmp_path, 1)
        manager = ModelManager([model])
        await manager.load_all()
        with manager.lease(model_pb2.ModelSpec(name="m")) as servable:
            pass
        await manager.close()
        assert servable.is_closed
        assert model.statuses == {1: END}

    asyncio.run(body())
