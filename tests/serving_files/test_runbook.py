"""The runbook's commands: those that can run here run, on bertcls-serve; the others are checked.

A stock server in a container is not at hand; the embedded one takes the same files and flags.
"""

import contextlib
import http.client
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import time

import pytest
import tiny_models
from absl import flags
from running_server import running_server
from server_stubs import Stubs
from serving_manifests import SERVING, compose_service, container
from tensorflow_serving.apis import get_model_status_pb2, predict_pb2

from keras_bert_cls.cli import doctor, loadtest, tune_batching
from keras_bert_cls.cli.serve_flags import define_flags

ROOT = SERVING.parent
README = (SERVING / "README.md").read_text()
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
AVAILABLE = 30
SECONDS = 30


def commands(section):
    """Returns the indented blocks of a section, each as one script."""
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.MULTILINE)
    return [re.sub("^    ", "", block, flags=re.MULTILINE).strip() for block in blocks]


SECTIONS = re.findall(r"^## (.*)$", RUNBOOK, re.MULTILINE)
BLOCKS = [block for section in SECTIONS for block in commands(section)]


def edits(section):
    """Returns the commands of a section that change models.config, in their order."""
    lines = "\n".join(commands(section)).splitlines()
    return [line for line in lines if line.startswith("sed ")]


@pytest.mark.parametrize("block", BLOCKS)
def test_commands_are_bash(block):
    run = subprocess.run(["bash", "-n", "-c", block], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


def test_files_that_commands_name_are_there():
    named = {path for block in BLOCKS for path in re.findall(r"serving/[\w./-]+", block)}
    assert "serving/config/models.config" in named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
    listed = re.findall(r"^\| `(.+?)`", README, re.MULTILINE)
    assert listed and [path for path in listed if not (SERVING / path).exists()] == []


def test_programs_of_ours_have_the_flags():
    programs = {module.program.name: module.program for module in (doctor, loadtest, tune_batching)}
    lines = [line.split() for block in BLOCKS for line in block.splitlines()]
    given = [words for words in lines if words and words[0].startswith("bertcls-")]
    assert {program for program, *_ in given} == set(programs)
    for program, *arguments in given:
        named = [word[2:] for word in arguments if word.startswith("--")]
        assert named and [name for name in named if name not in programs[program].flags] == []


def test_the_readme_starts_bertcls_serve():
    (command,) = re.findall(r"^    (bertcls-serve .*\n(?:        .*\n)+)", README, re.MULTILINE)
    values = flags.FlagValues()
    define_flags(values)
    assert values(shlex.split(command.replace("\\\n", " "))) == ["bertcls-serve"]
    assert (ROOT / values.model_config_file).exists()


class Rollout:
    """A copy of models.config, the models it names, and a server that follows it."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.config = folder / "serving/config/models.config"
        shutil.copytree(SERVING / "config", self.config.parent)
        text = self.config.read_text()
        self.config.write_text(text.replace("/models/", f"{folder}/models/"))
        tiny_models.write_classifier(folder / "models/classifier/1")
        tiny_models.write_classifier(folder / "models/classifier/2", shift=100.0)

    def edit(self, command, old=1, new=2):
        environment = {**os.environ, "OLD": str(old), "NEW": str(new)}
        subprocess.run(["bash", "-ec", command], cwd=self.folder, env=environment, check=True)

    def labels(self):
        """Returns the versions that the file gives to stable and canary, and those it loads."""
        text = self.config.read_text()
        labels = [int(re.search(rf'"{n}" value: (\d+)', text)[1]) for n in ("stable", "canary")]
        return *labels, [int(number) for number in re.findall(r"versions: (\d+)", text)]

    @contextlib.contextmanager
    def server(self):
        folder = self.config.parent
        with running_server(
            rest_api_port=-1,
            model_config_file=self.config,
            model_config_file_poll_wait_seconds=0.02,
            allow_version_labels_for_unavailable_models=True,
            batching_parameters_file=folder / "batching_parameters.txt",
            monitoring_config_file=folder / "monitoring.config",
        ) as running:
            yield running


@pytest.fixture(scope="module")
def rollout(tmp_path_factory):
    return Rollout(tmp_path_factory.mktemp("rollout"))


def answering(stubs, label):
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.version_label = "classifier", label
    request.inputs["text"].dtype = 7
    request.inputs["text"].tensor_shape.dim.add(size=1)
    request.inputs["text"].string_val.append(b"a")
    return stubs.prediction.Predict(request, timeout=SECONDS).model_spec.version.value


def loaded(stubs):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "classifier"
    answer = stubs.model.GetModelStatus(request, timeout=SECONDS)
    return {entry.version for entry in answer.model_version_status if entry.state == AVAILABLE}


def wait_until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end


def test_a_version_rolls_out_and_back(rollout):
    """No request with a label fails on the way."""
    load, canary, promote, unload = edits("Roll out a version")
    back_to_stable, back_to_canary = edits("Roll back")
    with rollout.server() as running:
        stubs = Stubs(running.address)

        def now(stable, of_canary, versions):
            assert rollout.labels() == (stable, of_canary, versions)
            wait_until(
                lambda: (
                    (answering(stubs, "stable"), answering(stubs, "canary"), loaded(stubs))
                    == (stable, of_canary, set(versions))
                )
            )

        with stubs.channel:
            now(1, 1, [1])
            rollout.edit(load)
            now(1, 1, [1, 2])
            rollout.edit(canary)
            now(1, 2, [1, 2])
            rollout.edit(promote)
            now(2, 2, [1, 2])
            rollout.edit(back_to_stable)
            now(1, 2, [1, 2])
            rollout.edit(back_to_canary)
            now(1, 1, [1, 2])
            rollout.edit(canary)
            rollout.edit(promote)
            now(2, 2, [1, 2])
            rollout.edit(unload)
            now(2, 2, [2])
            # After step 5, the other way round.
            rollout.edit(load, old=2, new=1)
            now(2, 2, [2, 1])


def status_of(address, path):
    connection = http.client.HTTPConnection(address, timeout=SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().status


def test_probes_tell_whether_the_stable_version_answers(tmp_path):
    rollout = Rollout(tmp_path)
    probes = {
        name: container()[f"{name}Probe"]["httpGet"]["path"]
        for name in ("startup", "readiness", "liveness")
    }
    *start, script = compose_service()["healthcheck"]["test"]
    assert start == ["CMD", "bash", "-c"]

    def is_healthy(address, script=script):
        asked = script.replace("127.0.0.1/8501", address.replace(":", "/"))
        run = subprocess.run(["bash", "-c", asked], capture_output=True, timeout=SECONDS)
        return run.returncode == 0

    with rollout.server() as running:
        address = running.rest_address
        assert {status_of(address, path) for path in probes.values()} == {200}
        assert is_healthy(address)
        assert not is_healthy(address, script.replace("stable", "unknown"))
        assert status_of(address, "/monitoring/prometheus/metrics") == 200
        assert status_of(address, probes["readiness"].replace("stable", "unknown")) == 400
    assert not is_healthy(address)
