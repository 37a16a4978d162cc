"""The life of one model's versions, with servables that hold no model."""

import asyncio
import threading

import grpc
import pytest
from google.protobuf import text_format

from keras_bert_cls.server.broken_versions import RetryPolicy
from keras_bert_cls.server.model_config import VersionPolicy
from keras_bert_cls.server.model_status import State, VersionStatus
from keras_bert_cls.server.served_model import ServedModel
from keras_bert_cls.server.status_errors import invalid_argument

AVAILABLE, END = VersionStatus(State.AVAILABLE), VersionStatus(State.END)
BROKEN = VersionStatus(State.END, grpc.StatusCode.INVALID_ARGUMENT, "no good")


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

    def __call__(self, name, number, path):
        assert name == "m"
        self.loads.append(number)
        if (path / "model").read_text() == "broken":
            raise invalid_argument("no good")
        return FakeServable(number)


def write_version(base, number, content="fine"):
    (base / str(number)).mkdir(exist_ok=True)
    (base / str(number) / "model").write_text(content)


def policy(text):
    return text_format.Parse(text, VersionPolicy())


@pytest.fixture
def loader():
    return Loader()


@pytest.fixture
def model(tmp_path, loader):
    return ServedModel("m", tmp_path, loader)


def run(scenario):
    return asyncio.run(scenario())


def test_the_newest_version_answers(tmp_path, model):
    for number in (2, 10, 9):
        write_version(tmp_path, number)
    (tmp_path / "temporary").mkdir()
    run(model.refresh)
    assert list(model.loaded) == [10]
    assert model.statuses == {10: AVAILABLE}


def test_a_newer_version_takes_over_and_the_old_one_waits_for_its_users(tmp_path, model):
    async def body():
        write_version(tmp_path, 1)
        await model.refresh()
        with model.loaded[1].lease() as old:
            write_version(tmp_path, 2)
            refreshing = asyncio.create_task(model.refresh())
            while model.statuses[1].state is not State.UNLOADING:
                await asyncio.sleep(0)
            assert list(model.loaded) == [2]
            assert model.statuses[2] == AVAILABLE
            assert not old.is_closed
        await refreshing
        assert old.is_closed
        assert model.statuses == {1: END, 2: AVAILABLE}

    run(body)


def test_the_old_version_answers_while_the_new_one_loads(tmp_path):
    async def body():
        may_load = threading.Event()

        def load(_name, number, _path):
            if number == 2:
                assert may_load.wait(30)
            return FakeServable(number)

        model = ServedModel("m", tmp_path, load)
        write_version(tmp_path, 1)
        await model.refresh()
        write_version(tmp_path, 2)
        refreshing = asyncio.create_task(model.refresh())
        while model.statuses.get(2) != VersionStatus(State.LOADING):
            await asyncio.sleep(0)
        assert model.statuses[1] == AVAILABLE
        assert list(model.loaded) == [1]
        may_load.set()
        await refreshing
        assert list(model.loaded) == [2]

    run(body)


def test_a_broken_version_never_replaces_a_good_one(tmp_path, model, loader, caplog):
    async def body():
        write_version(tmp_path, 1)
        await model.refresh()
        write_version(tmp_path, 2, "broken")
        await model.refresh()
        await model.refresh()
        assert list(model.loaded) == [1]
        assert loader.loads == [1, 2]  # not tried again while its files stay as they are
        assert model.statuses == {1: AVAILABLE, 2: BROKEN}
        assert "version 2 is broken: no good" in caplog.text
        write_version(tmp_path, 2, "repaired")
        await model.refresh()
        assert list(model.loaded) == [2]
        assert model.statuses == {1: END, 2: AVAILABLE}

    run(body)


def test_a_broken_version_at_the_start_leaves_the_newest_good_one(tmp_path, model, loader):
    for number, content in ((1, "fine"), (2, "fine"), (3, "broken"), (4, "broken")):
        write_version(tmp_path, number, content)
    run(model.refresh)
    assert list(model.loaded) == [2]
    assert loader.loads == [4, 3, 2]
    assert model.statuses == {2: AVAILABLE, 3: BROKEN, 4: BROKEN}


def test_retries(tmp_path, loader):
    async def body():
        write_version(tmp_path, 1)
        write_version(tmp_path, 2, "broken")
        model = ServedModel("m", tmp_path, loader, retries=RetryPolicy(2, interval_seconds=-1))
        for _ in range(5):
            await model.refresh()
        assert loader.loads == [2, 1, 2, 2]  # once, and two retries
        assert list(model.loaded) == [1]

    run(body)


def test_a_version_that_changes_while_it_is_loaded_is_tried_once_a_refresh(tmp_path):
    async def body():
        loads = []

        def load(_name, number, path):
            loads.append(number)
            (path / f"part{len(loads)}").touch()  # as a slow copy adds files
            raise invalid_argument("incomplete")

        model = ServedModel("m", tmp_path, load)
        write_version(tmp_path, 1)
        await model.refresh()
        await model.refresh()
        assert loads == [1, 1]

    run(body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [4]),
        ("latest {}", [4]),
        ("latest { num_versions: 2 }", [3, 4]),
        ("latest { num_versions: 9 }", [1, 2, 3, 4]),
        ("all {}", [1, 2, 3, 4]),
        ("specific { versions: 2 versions: 3 versions: 7 }", [2, 3]),
    ],
)
def test_policies(tmp_path, loader, text, expected):
    for number in range(1, 5):
        write_version(tmp_path, number)
    model = ServedModel("m", tmp_path, loader, policy(text))
    run(model.refresh)
    assert sorted(model.loaded) == expected


def test_another_policy_loads_before_it_unloads(tmp_path, loader):
    async def body():
        for number in (1, 2):
            write_version(tmp_path, number)
        model = ServedModel("m", tmp_path, loader)
        await model.refresh()
        model.policy = policy("specific { versions: 7 }")  # There is none yet.
        await model.refresh()
        assert list(model.loaded) == [2]
        model.policy = policy("specific { versions: 1 }")
        await model.refresh()
        assert list(model.loaded) == [1]
        assert model.statuses == {2: END, 1: AVAILABLE}

    run(body)


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

    run(body)


def test_removing_the_newest_version_rolls_back(tmp_path, model):
    async def body():
        write_version(tmp_path, 1)
        write_version(tmp_path, 2)
        await model.refresh()
        (tmp_path / "2").rename(tmp_path / "withdrawn")
        await model.refresh()
        assert list(model.loaded) == [1]
        assert model.statuses == {2: END, 1: AVAILABLE}

    run(body)


def test_an_emptied_folder_does_not_stop_the_service(tmp_path, model):
    async def body():
        write_version(tmp_path, 1)
        await model.refresh()
        (tmp_path / "1").rename(tmp_path / "withdrawn")
        await model.refresh()
        assert list(model.loaded) == [1]

    run(body)


def test_close_frees_everything(tmp_path, model):
    async def body():
        write_version(tmp_path, 1)
        await model.refresh()
        servable = model.loaded[1].servable
        await model.close()
        assert servable.is_closed
        assert model.statuses == {1: END}

    run(body)
