"""Says whether a model can be served, or whether this environment is in order.

  bertcls-doctor --model exported --server 2.18
  bertcls-doctor

With --model: whether a stock TensorFlow Serving of that release can serve it. The ops and their
attributes, XLA, signatures, rank guards, variables, files, size and warm-up requests are read from
the files; nothing is loaded. Without: whether the installed packages fit together and TensorFlow
loads, and which devices it sees. Ends with code 1 where there is an error.
"""

import dataclasses
import json
import pathlib
from collections.abc import Sequence

from absl import flags

from keras_bert_cls.cli.program import Program
from keras_bert_cls.errors import UserError
from keras_bert_cls.export.finding import Finding, Severity, errors
from keras_bert_cls.export.op_tables import DEFAULT_SERVER, SERVERS

program = Program("bertcls-doctor", __doc__)

_MODEL = flags.DEFINE_string(
    "model",
    None,
    "A version of an export; or the folder of all versions, for the newest.",
    flag_values=program.flags,
)
_SERVER = flags.DEFINE_enum(
    "server",
    None,
    list(SERVERS),
    f"The release of TensorFlow Serving; {DEFAULT_SERVER} by default.",
    flag_values=program.flags,
)
_JSON = flags.DEFINE_bool("json", False, "Print JSON.", flag_values=program.flags)
flags.register_multi_flags_validator(
    ["model", "server"],
    lambda values: values["model"] is not None or values["server"] is None,
    "--server needs --model",
    flag_values=program.flags,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code."""
    return program.run(_run, argv)


def _run(_: list[str]) -> int:
    if _MODEL.value is None:
        from keras_bert_cls.cli.environment import check_environment, install_command

        findings = check_environment()
        report = {"install": install_command(findings)}
        title = "This environment"
    else:
        from keras_bert_cls.export.compatibility import check_saved_model

        folder = _version_folder(pathlib.Path(_MODEL.value))
        server = _SERVER.value or DEFAULT_SERVER
        findings = check_saved_model(folder, server)
        report = {"model": str(folder), "server": server}
        title = f"{folder} for TensorFlow Serving {server}"
    if _JSON.value:
        listed = [dataclasses.asdict(finding) for finding in findings]
        print(json.dumps({**report, "ok": not errors(findings), "findings": listed}, indent=2))
    else:
        print(findings_table(title, findings))
        if report.get("install"):
            print(f"\nTo mend the packages:\n  {report['install']}")
    return 1 if errors(findings) else 0


def findings_table(title: str, findings: Sequence[Finding]) -> str:
    """Returns the findings as people read them, the worst last."""
    order = list(Severity)
    lines = [title]
    for finding in sorted(findings, key=lambda finding: order.index(finding.severity)):
        where = f"{finding.where}: " if finding.where else ""
        lines.append(f"  {finding.severity:<8} {finding.check:<12} {where}{finding.message}")
        if finding.change:
            lines.append(f"  {'':<8} {'':<12} -> {finding.change}")
    counts = {kind: sum(f.severity is kind for f in findings) for kind in order}
    lines.append(f"errors: {counts[Severity.ERROR]}, warnings: {counts[Severity.WARNING]}")
    return "\n".join(lines)


def _version_folder(path: pathlib.Path) -> pathlib.Path:
    from keras_bert_cls.export.versions import list_versions

    if (path / "saved_model.pb").exists():
        return path
    versions = list_versions(path)
    if not versions:
        raise UserError(
            f"{path} holds no SavedModel and no numbered versions. Give the folder that "
            "bertcls-export wrote to, or one of its versions."
        )
    return versions[max(versions)]


if __name__ == "__main__":
    raise SystemExit(main())
