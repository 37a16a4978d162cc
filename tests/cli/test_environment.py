"""The check of the installed packages, with metadata of made-up environments."""

import importlib.metadata
import subprocess
import sys

import pytest

from keras_bert_cls.cli import environment
from keras_bert_cls.cli.environment import (
    OURS,
    Distribution,
    check_environment,
    find_installed,
    install_command,
)
from keras_bert_cls.export.finding import Severity, errors

CPU = {"gpus": [], "cuda": "12.5.1", "cudnn": "9"}
GOOD = {
    OURS: Distribution(
        "0.1.0",
        (
            "tensorflow<2.21,>=2.20",
            "tensorflow-text<2.21,>=2.20",
            "keras<4,>=3.15",
            'tensorflow[and-cuda]<2.21,>=2.20; extra == "gpu"',
            'keras-nlp<1,>=0.32; extra == "dev"',
            'pytest>=8; extra == "dev"',
        ),
        "<3.14,>=3.11",
    ),
    "tensorflow": Distribution("2.20.0", ("protobuf>=5.28.0", "wrapt>=1.11")),
    "tensorflow-text": Distribution("2.20.1", ("tensorflow<2.21,>=2.20.0",)),
    "tensorflow-serving-api": Distribution("2.20.0", ("protobuf (>=4.21.6)",)),
    "keras": Distribution("3.15.1", ("absl-py",)),
    "protobuf": Distribution("6.31.0"),
}


def check(changes=None, **options):
    packages = {**GOOD, **(changes or {})}
    settings = {"probe": lambda: CPU, "python": "3.12.4", "driver": False, **options}
    return check_environment(packages.get, **settings)


def rows(findings, severity):
    return [(f.where, f.message) for f in findings if f.severity is severity]


def test_a_good_environment():
    findings = check()
    assert {f.severity for f in findings} == {Severity.OK}
    shown = dict(rows(findings, Severity.OK))
    assert shown["tensorflow"] == "2.20.0"
    assert shown["protobuf"] == "6.31.0"
    assert shown["keras-nlp"] == "not installed, and optional"
    assert "pytest" not in shown
    assert shown[""].startswith("CPU only; TensorFlow is built for CUDA 12.5.1")
    assert install_command(findings) == ""


@pytest.mark.parametrize(
    ("changes", "where", "message", "requirement"),
    [
        ({"keras": None}, "keras", "is missing", "keras<4,>=3.15"),
        (
            {"keras": Distribution("2.15.0")},
            "keras",
            "2.15.0; expected <4,>=3.15",
            "keras<4,>=3.15",
        ),
        (
            {"keras-nlp": Distribution("0.12.0")},
            "keras-nlp",
            "0.12.0; expected <1,>=0.32",
            "keras-nlp<1,>=0.32",
        ),
        (
            {"protobuf": Distribution("4.25.0")},
            "protobuf",
            "4.25.0; tensorflow 2.20.0 needs >=5.28.0",
            "protobuf>=5.28.0",
        ),
        (
            {"protobuf": None},
            "protobuf",
            "is missing; tensorflow 2.20.0 needs >=5.28.0",
            "protobuf>=5.28.0",
        ),
        (
            {"tensorflow-text": Distribution("2.19.0", ("tensorflow<2.20,>=2.19.0",))},
            "tensorflow",
            "2.20.0; tensorflow-text 2.19.0 needs <2.20,>=2.19.0",
            "tensorflow-text<2.21,>=2.20",
        ),
    ],
)
def test_what_does_not_fit_and_what_to_install(changes, where, message, requirement):
    findings = check(changes, probe=lambda: pytest.fail("broken packages are not loaded"))
    assert (where, message) in rows(findings, Severity.ERROR)
    assert f"'{requirement}'" in install_command(findings)
    assert install_command(findings).startswith("python -m pip install '")


def test_this_package_itself():
    findings = check({OURS: None})
    assert rows(findings, Severity.ERROR) == [(OURS, "is not installed")]


def test_another_python():
    findings = check(python="3.14.1")
    assert rows(findings, Severity.ERROR) == [("", "3.14.1; expected <3.14,>=3.11")]
    assert install_command(findings) == ""  # pip cannot mend that


def test_the_build_for_cpus_counts_as_tensorflow_but_not_beside_it():
    cpu = {"tensorflow-cpu": Distribution("2.20.0")}
    assert errors(check({**cpu, "tensorflow": None})) == []
    (warning,) = rows(check(cpu), Severity.WARNING)
    assert warning[0] == "tensorflow-cpu"


def test_tensorflow_that_does_not_load():
    findings = check(probe=lambda: {"error": "undefined symbol: _ZN10tensorflow"})
    assert findings[-1].change.endswith(" tensorflow==2.20.0 tensorflow-text==2.20.1")
    assert rows(findings, Severity.ERROR) == [
        ("tensorflow, tensorflow_text", "undefined symbol: _ZN10tensorflow")
    ]


@pytest.mark.parametrize("cuda", ["12.5.1", None])
def test_a_gpu_that_tensorflow_does_not_see(cuda):
    findings = check(probe=lambda: {**CPU, "cuda": cuda}, driver=True)
    (warning,) = [f for f in findings if f.severity is Severity.WARNING]
    assert "sees no GPU" in warning.message
    assert "pip install 'tensorflow[and-cuda]==2.20.0'" in warning.change
    assert ("uninstall" in warning.change) == (cuda is None)


def test_gpus():
    findings = check(probe=lambda: {**CPU, "gpus": ["NVIDIA H200"]}, driver=True)
    assert findings[-1].message.startswith("NVIDIA H200; TensorFlow is built for CUDA")


def test_metadata_of_what_is_installed_here():
    found = find_installed("tensorflow")
    assert found.version == importlib.metadata.version("tensorflow")
    assert any(line.startswith("protobuf") for line in found.requires)
    assert find_installed(OURS).requires_python
    assert find_installed("no-such-package") is None


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("raise ImportError('no symbol')", "ImportError: no symbol"),
        ("import os; os._exit(9)", "the process ended with 9"),
        ("import threading; threading.Event().wait()", "importing it took more than 1 seconds"),
    ],
)
def test_a_probe_that_fails(monkeypatch, program, message):
    monkeypatch.setattr(environment, "_PROBE", program)
    monkeypatch.setattr(environment, "_PROBE_SECONDS", 1 if "wait" in program else 300)
    assert message in environment.probe_tensorflow()["error"]


def test_the_check_itself_loads_no_tensorflow():
    program = (
        "import sys; from keras_bert_cls.cli import environment as e; "
        "e.check_environment(probe=lambda: {'gpus': [], 'cuda': None, 'cudnn': None}); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
