"""Several models, their config and its changes, with servables that hold no model."""

import asyncio
import itertools
import pathlib
import threading

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import model_pb2

from keras_bert_cls.errors import UserError
from keras_bert_cls.server import served_model
from keras_bert_cls.server.config_reload import ConfigReload
from keras_bert_cls.server.model_config import ModelServerConfig, read_model_config
from keras_bert_cls.server.model_manager import ModelManager
from keras_bert_cls.server.model_status import State, VersionStatus
from keras_bert_cls.server.startup import start_models, watch_model_config
from keras_bert_cls.server.status_errors import ServingError, invalid_argument
from keras_bert_cls.server.version_labels import VersionLabels

CODES = grpc.StatusCode


class FakeServable:
    def __init__(self, origin):
        self.origin = origin
        self.is_closed = False

    def close(self):
        self.is_closed = True


def load(name, number, path):
    """Loads what has a file `model` that does not say "broken"."""
    if (path / "model").read_text() == "broken":
        raise invalid_argument("no good")
    return FakeServable((name, number, path.parent.name))


def write_version(base, number, content="fine"):
    (base / str(number)).mkdir(parents=True, exist_ok=True)
    (base / str(number) / "model").write_text(content)


def entry(name, base_path, more=""):
    return (
        f"config {{ name: '{name}' base_path: '{base_path}' model_platform: 'tensorflow' {more} }}"
    )


def config(*entries):
    text = f"model_config_list {{ {' '.join(entries)} }}"
    return text_format.Parse(text, ModelServerConfig())


def answering(manager, name, **choice):
    """Returns where the version came from that answers for a spec."""
    spec = model_pb2.ModelSpec(name=name)
    if "version" in choice:
        spec.version.value = choice["version"]
    if "label" in choice:
        spec.version_label = choice["label"]
    with manager.lease(spec) as servable:
        return servable.origin


def refused(call, *arguments, **keywords):
    with pytest.raises(ServingError) as caught:
        result = call(*arguments, **keywords)
        if asyncio.iscoroutine(result):
            asyncio.run(result)
    return caught.value.code, caught.value.message


@pytest.fixture
def folders(tmp_path):
    for name, numbers in (("a", (1, 2)), ("b", (5,))):
        for number in numbers:
            write_version(tmp_path / name, number)
    return tmp_path


def test_several_models(folders):
    async def body():
        manager = ModelManager(load)
        both = entry("a", folders / "a", "model_version_policy { all {} }")
        await manager.configure(config(both, entry("b", folders / "b")))
        assert answering(manager, "a") == ("a", 2, "a")
        assert answering(manager, "a", version=1) == ("a", 1, "a")
        assert answering(manager, "b") == ("b", 5, "b")
        await manager.close()
        assert refused(answering, manager, "a")[0] == CODES.NOT_FOUND

    asyncio.run(body())


def test_models_are_added_changed_and_removed(folders):
    async def body():
        manager = ModelManager(load)
        changes = []
        manager.on_change = lambda: changes.append(sorted(manager.models))
        await manager.configure(config(entry("a", folders / "a")))
        with manager.lease(model_pb2.ModelSpec(name="a")) as old:
            pinned = entry("a", folders / "a", "model_version_policy { specific { versions: 1 } }")
            changing = asyncio.create_task(manager.configure(config(pinned)))
            while answering(manager, "a")[1] != 1:
                await asyncio.sleep(0)
            assert not old.is_closed
        await changing
        await manager.configure(config(entry("b", folders / "b")))
        assert answering(manager, "b") == ("b", 5, "b")
        assert refused(answering, manager, "a") == (
            CODES.NOT_FOUND,
            "Servable not found for request: Latest(a)",
        )
        assert {n: s.state for n, s in manager.statuses("a").items()} == {
            2: State.END,
            1: State.END,
        }
        assert [names for names, _ in itertools.groupby(changes)] == [["a"], ["b"]]

    asyncio.run(body())


def test_another_folder_takes_over_once_it_has_a_version(folders):
    async def body():
        manager = ModelManager(load)
        await manager.configure(config(entry("a", folders / "a")))
        await manager.configure(config(entry("a", folders / "empty")))
        assert answering(manager, "a") == ("a", 2, "a")
        write_version(folders / "empty", 1)
        await manager.configure(config(entry("a", folders / "empty")))
        assert answering(manager, "a") == ("a", 1, "empty")

    asyncio.run(body())


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (
            [entry("a", "/x"), entry("a", "/y")],
            "Illegal to list model a multiple times in config list",
        ),
        (
            [entry("a", "x")],
            "Expected model a to have an absolute path or URI; got base_path()=x",
        ),
        (
            ["config { name: 'a' base_path: '/x' }"],
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            "ModelServerConfig::model_platform.",
        ),
        (
            [entry("a", "/x", "model_type: TENSORFLOW")],
            "Illegal setting both ModelServerConfig::model_type (deprecated) and "
            "ModelServerConfig::model_platform.",
        ),
        (
            ["config { name: 'a' base_path: '/x' model_platform: 'torch' }"],
            "Model a requests unsupported platform torch",
        ),
    ],
)
def test_wrong_configs_change_nothing(folders, entries, message):
    async def body():
        manager = ModelManager(load)
        await manager.configure(config(entry("b", folders / "b")))
        with pytest.raises(ServingError) as caught:
            await manager.configure(config(*entries))
        assert (caught.value.code, caught.value.message) == (CODES.INVALID_ARGUMENT, message)
        assert answering(manager, "b") == ("b", 5, "b")

    asyncio.run(body())


def test_an_added_model_that_cannot_be_loaded_is_told(folders):
    async def body():
        write_version(folders / "c", 1, "broken")
        manager = ModelManager(load)
        await manager.configure(config(entry("b", folders / "b")))
        with pytest.raises(ServingError) as caught:
            await manager.configure(
                config(
                    entry("a", folders / "a"), entry("b", folders / "b"), entry("c", folders / "c")
                )
            )
        assert caught.value.code == CODES.UNKNOWN
        assert caught.value.message == (
            "1 model(s) did not become available: {{name: c version: 1} due to error: no good}"
        )
        assert answering(manager, "a") == ("a", 2, "a")
        assert answering(manager, "b") == ("b", 5, "b")
        assert manager.statuses("c")[1].message == "no good"

    asyncio.run(body())


def labels(**versions):
    return " ".join(f"version_labels {{ key: '{k}' value: {v} }}" for k, v in versions.items())


def test_labels(folders):
    async def body():
        manager = ModelManager(load)
        everything = "model_version_policy { all {} }"
        await manager.configure(config(entry("a", folders / "a", everything)))
        labelled = entry("a", folders / "a", everything + labels(stable=1, canary=2))
        await manager.configure(config(labelled))
        assert answering(manager, "a", label="stable") == ("a", 1, "a")
        assert answering(manager, "a", label="canary") == ("a", 2, "a")
        unknown = (CODES.INVALID_ARGUMENT, "Unrecognized servable version label: x")
        assert refused(answering, manager, "a", label="x") == unknown
        moved = entry("a", folders / "a", everything + labels(stable=7))
        with pytest.raises(ServingError) as caught:
            await manager.configure(config(moved))
        assert (caught.value.code, caught.value.message) == (
            CODES.FAILED_PRECONDITION,
            "Request to assign label to version 7 of model a, which is not currently available for "
            "inference",
        )
        assert answering(manager, "a", label="canary") == ("a", 2, "a")  # Nothing has changed.

    asyncio.run(body())


def test_labels_of_unavailable_versions_where_allowed(folders):
    async def body():
        manager = ModelManager(load, VersionLabels(allow_unavailable=True))
        await manager.configure(config(entry("a", folders / "a", labels(stable=2, next=3))))
        assert answering(manager, "a", label="stable") == ("a", 2, "a")
        assert refused(answering, manager, "a", label="next") == (
            CODES.NOT_FOUND,
            "Servable not found for request: Specific(a, 3)",
        )
        # A label in use moves to a version that answers only.
        with pytest.raises(ServingError) as caught:
            await manager.configure(config(entry("a", folders / "a", labels(stable=3, next=3))))
        assert caught.value.code == CODES.FAILED_PRECONDITION

    asyncio.run(body())


def test_the_config_file_is_watched(folders, tmp_path, caplog):
    async def body():
        file = tmp_path / "models.config"
        manager = ModelManager(load)

        def write(*entries):
            other = tmp_path / "unfinished"
            other.write_text(text_format.MessageToString(config(*entries)))
            other.rename(file)

        write(entry("a", folders / "a"))
        await start_models(manager, read_model_config(file))
        watching = asyncio.create_task(watch_model_config(manager, file, 0.001))
        write(entry("a", folders / "a"), entry("b", folders / "b"))
        while "b" not in manager.models or not manager.models["b"].loaded:
            await asyncio.sleep(0.001)
        file.write_text("model_config_list { config { oops")
        while "expected a ModelServerConfig" not in caplog.text:
            await asyncio.sleep(0.001)
        write(entry("a", folders / "a", labels(stable=99)))
        while "assign label to version 99" not in caplog.text:
            await asyncio.sleep(0.001)
        assert sorted(manager.models) == ["a", "b"]
        watching.cancel()

    asyncio.run(asyncio.wait_for(body(), 60))


def test_a_slow_model_keeps_no_other_from_loading(folders):
    async def body():
        may_load = threading.Event()

        def load_slowly(name, number, path):
            assert name != "a" or number != 3 or may_load.wait(60)
            return load(name, number, path)

        manager = ModelManager(load_slowly)
        await manager.configure(config(entry("a", folders / "a"), entry("b", folders / "b")))
        polling = asyncio.create_task(manager.poll(0.001))
        write_version(folders / "a", 3)
        while manager.statuses("a").get(3) != VersionStatus(State.LOADING):
            await asyncio.sleep(0.001)
        write_version(folders / "b", 6)
        while answering(manager, "b")[1] != 6:
            await asyncio.sleep(0.001)
        assert answering(manager, "a")[1] == 2
        may_load.set()
        while answering(manager, "a")[1] != 3:
            await asyncio.sleep(0.001)
        polling.cancel()

    asyncio.run(asyncio.wait_for(body(), 60))


def test_a_folder_that_cannot_be_read_is_no_reason_to_stop(folders, monkeypatch, caplog):
    async def body():
        manager = ModelManager(load)
        await manager.configure(config(entry("a", folders / "a")))
        polling = asyncio.create_task(manager.poll(0.001))
        with monkeypatch.context() as broken:
            broken.setattr(served_model, "list_versions", raise_permission_error)
            while "a: cannot look for versions" not in caplog.text:
                await asyncio.sleep(0.001)
            assert answering(manager, "a")[1] == 2
        write_version(folders / "a", 3)
        while answering(manager, "a")[1] != 3:
            await asyncio.sleep(0.001)
        polling.cancel()

    asyncio.run(asyncio.wait_for(body(), 60))


def raise_permission_error(_):
    raise PermissionError("no")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model_config_list { confg {} }", r"models.config:1:21 .*no field named \"confg\""),
        ("", "expected a model_config_list, found none"),
        ("custom_model_config {}", "expected a model_config_list, found none"),
    ],
)
def test_wrong_config_files(tmp_path, text, message):
    (tmp_path / "models.config").write_text(text)
    with pytest.raises(UserError, match=message):
        read_model_config(tmp_path / "models.config")


def test_a_missing_config_file(tmp_path):
    with pytest.raises(UserError, match="--model_config_file cannot be read"):
        read_model_config(tmp_path / "models.config")


def test_one_good_model_is_enough_to_start(folders, caplog):
    async def body():
        write_version(folders / "c", 1, "broken")
        manager = ModelManager(load)
        await start_models(manager, config(entry("b", folders / "b"), entry("c", folders / "c")))
        assert answering(manager, "b") == ("b", 5, "b")
        assert "{name: c version: 1} due to error: no good" in caplog.text

    asyncio.run(body())


def test_starting_without_a_model_says_what_to_do(folders):
    write_version(folders / "c", 4, "broken")
    manager = ModelManager(load)
    wanted = config(entry("c", folders / "c"), entry("d", folders / "d"))
    with pytest.raises(UserError) as caught:
        asyncio.run(start_models(manager, wanted))
    assert f"version 4 of model 'c' in {folders / 'c'} cannot be served: no good" in str(
        caught.value
    )
    assert "no version of model 'd' to serve" in str(caught.value)
    assert "--model_base_path" in str(caught.value)


def test_starting_with_labels_names_the_flag(folders):
    manager = ModelManager(load)
    with pytest.raises(UserError, match="--allow_version_labels_for_unavailable_models"):
        asyncio.run(start_models(manager, config(entry("b", folders / "b", labels(stable=5)))))


def test_clients_may_reload_folders_that_the_owner_named_only(folders, tmp_path):
    async def body():
        manager = ModelManager(load)
        await manager.configure(config(entry("a", folders / "a")))
        reload = ConfigReload(manager, [])
        await reload.reload(config(entry("a", folders / "a"), entry("again", folders / "a")))
        assert answering(manager, "again") == ("again", 2, "a")
        for path in (folders / "b", folders / "a" / ".." / "b", pathlib.Path("/etc")):
            with pytest.raises(ServingError) as caught:
                await reload.reload(config(entry("b", path)))
            assert caught.value.code == CODES.PERMISSION_DENIED
            assert str(folders) not in caught.value.message
        assert sorted(manager.models) == ["a", "again"]

    asyncio.run(body())


def test_folders_below_a_root_may_be_reloaded(folders, tmp_path):
    async def body():
        manager = ModelManager(load)
        await manager.configure(config(entry("a", folders / "a")))
        (folders / "link").symlink_to("/etc")
        reload = ConfigReload(manager, [folders])
        await reload.reload(config(entry("b", folders / "b")))
        assert answering(manager, "b") == ("b", 5, "b")
        for path in (folders / "link", folders / ".." / "elsewhere"):
            with pytest.raises(ServingError) as caught:
                await reload.reload(config(entry("c", path)))
            assert caught.value.code == CODES.PERMISSION_DENIED

    asyncio.run(body())


@pytest.mark.parametrize("text", ["", "custom_model_config {}"])
def test_reloading_nothing(folders, text):
    reload = ConfigReload(ModelManager(load), [])
    code, message = refused(reload.reload, text_format.Parse(text, ModelServerConfig()))
    assert code == CODES.INVALID_ARGUMENT
    assert message == (
        "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList "
        "is currently supported"
    )
