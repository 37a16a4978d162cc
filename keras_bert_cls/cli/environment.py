"""Whether the installed packages work together. Imports no TensorFlow: it may be broken."""

import dataclasses
import importlib.metadata
import json
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from keras_bert_cls.export.finding import Finding, Severity

OURS = "keras_bert_cls"
# What they ask of each other is checked as well as what this package asks of them.
_STACK = (
    "tensorflow",
    "tensorflow-text",
    "tensorflow-serving-api",
    "keras",
    "keras-nlp",
    "keras-hub",
    "protobuf",
    "grpcio",
    "numpy",
)
_OPTIONAL = ("keras-nlp",)
_CPU_BUILD = "tensorflow-cpu"  # Fills the same folder as tensorflow.
_NVIDIA_DRIVER = pathlib.Path("/proc/driver/nvidia/version")
_PROBE_SECONDS = 300
_PROBE = """
import json
import tensorflow as tf
import tensorflow_text
build = tf.sysconfig.get_build_info()
details = tf.config.experimental.get_device_details
gpus = [details(gpu).get("device_name", gpu.name) for gpu in tf.config.list_physical_devices("GPU")]
versions = {name: build.get(f"{name}_version") for name in ("cuda", "cudnn")}
print(json.dumps({"gpus": gpus, **versions}))
"""


@dataclasses.dataclass(frozen=True)
class Distribution:
    """An installed package, as its metadata says."""

    version: str
    requires: tuple[str, ...] = ()
    requires_python: str = ""


Finder = Callable[[str], Distribution | None]


def find_installed(name: str) -> Distribution | None:
    """Reads the metadata of an installed package; None if it is not installed."""
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    python = str(found.metadata.json.get("requires_python", ""))
    return Distribution(found.version, tuple(found.requires or ()), python)


def probe_tensorflow() -> dict[str, Any]:
    """Imports TensorFlow in a process of its own.

    Returns:
      "gpus", the names of the devices that it sees, "cuda" and "cudnn", what it was built for, or
      "error", what went wrong.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=_PROBE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return {"error": f"importing it took more than {_PROBE_SECONDS} seconds"}
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        return {"error": lines[-1] if lines else f"the process ended with {done.returncode}"}
    return json.loads(done.stdout.splitlines()[-1])


def nvidia_driver() -> bool:
    """Returns whether the machine has NVIDIA's driver."""
    return _NVIDIA_DRIVER.exists()


def check_environment(
    find: Finder = find_installed,
    probe: Callable[[], dict[str, Any]] | None = None,
    python: str | None = None,
    driver: bool | None = None,
) -> list[Finding]:
    """Checks Python, the packages among each other, that TensorFlow loads, and GPUs.

    Args:
      find: gives the metadata of an installed package.
      probe: tells what TensorFlow sees; `probe_tensorflow` by default.
      python: the version of Python; this one's by default.
      driver: whether the machine has NVIDIA's driver; looked up by default.

    Returns:
      At least one finding for Python, each package and the devices. The `change` of a package is
      a requirement for pip; see `install_command`.
    """
    ours = find(OURS)
    if ours is None:
        change = "Run python -m pip install . in the project's folder."
        return [Finding(Severity.ERROR, "install", "is not installed", OURS, change)]
    findings = [_check_python(ours, python or ".".join(map(str, sys.version_info[:3])))]
    requirements = list(_requirements(ours))
    findings += [_check_requirement(requirement, find) for requirement in requirements]
    for name in _STACK:
        findings += _check_needs(name, find, {requirement.name for requirement in requirements})
    findings += _check_builds(find)
    if all(finding.severity is not Severity.ERROR for finding in findings):
        seen = (probe or probe_tensorflow)()
        findings += _check_devices(seen, find, nvidia_driver() if driver is None else driver)
    return findings


def install_command(findings: list[Finding]) -> str:
    """Returns the command that mends the packages; "" if none needs it."""
    requirements = {
        finding.change: None
        for finding in findings
        if finding.check == "package" and finding.severity is Severity.ERROR
    }
    if not requirements:
        return ""
    return "python -m pip install " + " ".join(f"'{requirement}'" for requirement in requirements)


def _check_python(ours: Distribution, python: str) -> Finding:
    if SpecifierSet(ours.requires_python).contains(python):
        return Finding(Severity.OK, "python", python)
    return Finding(
        Severity.ERROR,
        "python",
        f"{python}; expected {ours.requires_python}",
        change="Make an environment with another Python.",
    )


def _requirements(ours: Distribution) -> Iterator[Requirement]:
    """Yields what this package needs, and the part of its extras that belongs to the stack."""
    for line in ours.requires:
        requirement = Requirement(line)
        if _applies(requirement) or requirement.name in _OPTIONAL:
            yield requirement


def _check_requirement(requirement: Requirement, find: Finder) -> Finding:
    wanted = f"{requirement.name}{requirement.specifier}"
    found = _find_build(requirement.name, find)
    if found is None and requirement.name in _OPTIONAL:
        return Finding(Severity.OK, "package", "not installed, and optional", requirement.name)
    if found is None:
        return Finding(Severity.ERROR, "package", "is missing", requirement.name, wanted)
    if not requirement.specifier.contains(found.version, prereleases=True):
        message = f"{found.version}; expected {requirement.specifier}"
        return Finding(Severity.ERROR, "package", message, requirement.name, wanted)
    return Finding(Severity.OK, "package", found.version, requirement.name)


def _check_needs(name: str, find: Finder, shown: set[str]) -> Iterator[Finding]:
    """Yields what a package of the stack asks of the others in vain; its version if unshown."""
    package = find(name)
    if package is None:
        return
    if name not in shown:
        yield Finding(Severity.OK, "package", package.version, name)
    for line in package.requires:
        needed = Requirement(line)
        if needed.name not in _STACK or not _applies(needed):
            continue
        other = _find_build(needed.name, find)
        version = other.version if other else None
        if not version or not needed.specifier.contains(version, prereleases=True):
            yield Finding(
                Severity.ERROR,
                "package",
                f"{version or 'is missing'}; {name} {package.version} needs {needed.specifier}",
                needed.name,
                f"{needed.name}{needed.specifier}",
            )


def _check_builds(find: Finder) -> Iterator[Finding]:
    full = find("tensorflow")
    if full and find(_CPU_BUILD):
        yield Finding(
            Severity.WARNING,
            "package",
            "is installed beside tensorflow, and each overwrote files of the other",
            _CPU_BUILD,
            f"Run python -m pip uninstall --yes {_CPU_BUILD}, then python -m pip install "
            f"--force-reinstall --no-deps tensorflow=={full.version}",
        )


def _check_devices(seen: dict[str, Any], find: Finder, driver: bool) -> Iterator[Finding]:
    loaded = "tensorflow, tensorflow_text"
    if "error" in seen:
        again = " ".join(_pinned(name, find) for name in ("tensorflow", "tensorflow-text"))
        change = f"Run python -m pip install --force-reinstall --no-deps {again}"
        yield Finding(Severity.ERROR, "import", seen["error"], loaded, change)
        return
    yield Finding(Severity.OK, "import", "both load", loaded)
    built = (
        f"built for CUDA {seen['cuda']}, cuDNN {seen['cudnn']}"
        if seen["cuda"]
        else "built without CUDA"
    )
    if driver and not seen["gpus"]:
        with_cuda = _pinned("tensorflow", find).replace("==", "[and-cuda]==")
        yield Finding(
            Severity.WARNING,
            "devices",
            f"NVIDIA's driver is there, and TensorFlow ({built}) sees no GPU",
            change=f"Run python -m pip install '{with_cuda}'"
            + ("" if seen["cuda"] else f", after python -m pip uninstall --yes {_CPU_BUILD}"),
        )
    else:
        gpus = ", ".join(seen["gpus"]) or "CPU only"
        yield Finding(Severity.OK, "devices", f"{gpus}; TensorFlow is {built}")


def _pinned(name: str, find: Finder) -> str:
    found = _find_build(name, find)
    return f"{name}=={found.version}" if found else name


def _applies(requirement: Requirement) -> bool:
    """Returns whether a requirement holds here, without any extra."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _find_build(name: str, find: Finder) -> Distribution | None:
    return find(name) or (find(_CPU_BUILD) if name == "tensorflow" else None)
