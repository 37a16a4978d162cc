"""What the client needs on a disk, where nothing else of the package is wanted."""

import pathlib
import subprocess
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
MEGABYTES = 50
PROGRAM = """
import sys
from keras_bert_cls.client import Client

with Client(sys.argv[1], "tiny") as client:
    print(client.predict(["好吃！"])[0].label)
"""


def run(*arguments, **more):
    return subprocess.run(
        [str(argument) for argument in arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **more,
    )


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A virtual environment with what the documentation of keras_bert_cls.client asks for."""
    folder = tmp_path_factory.mktemp("environment")
    created = run(sys.executable, "-m", "venv", folder)
    assert created.returncode == 0, created.stderr
    python = folder / "bin/python"
    before = size_of(folder)
    for packages in (["--no-deps", REPOSITORY], ["grpcio", "protobuf"]):
        installed = run(python, "-m", "pip", "install", "--quiet", "--no-compile", *packages)
        if installed.returncode != 0:
            pytest.skip(f"pip cannot install {packages}: {installed.stderr[-500:]}")
    return python, size_of(folder) - before


def size_of(folder):
    return sum(path.lstat().st_size for path in folder.rglob("*")) / 1e6


@pytest.mark.slow
def test_it_is_small_and_works_alone(environment, server, tmp_path):
    python, megabytes = environment
    assert megabytes < MEGABYTES
    # -I and another folder: nothing of this repository is found but what was installed.
    answered = run(python, "-I", "-c", PROGRAM, server.address, cwd=tmp_path)
    assert (answered.returncode, answered.stdout) == (0, "medium\n"), answered.stderr
