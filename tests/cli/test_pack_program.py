"""bertcls-pack."""

import json
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from keras_bert_cls.cli import pack

SECONDS = 300
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the program in a folder of its own; returns the exit code."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    yield lambda *arguments: pack.main(["--vocabulary=vocab.txt", "--output=packed", *arguments])
    pack.program.flags.unparse_flags()


def test_packs_files_of_all_kinds(run, tmp_path, capsys):
    (tmp_path / "a1.txt").write_text("a b c\nd e f\n\nA b\n")
    (tmp_path / "a2.txt").write_text("g h\n")
    (tmp_path / "b.jsonl").write_text('{"text": "c d e f g"}\n')
    flags = ["--files=a*.txt,b.jsonl", "--text_column=text", "--max_length=8", "--rows_per_shard=3"]
    for _ in range(2):  # the second time there is nothing left to do
        assert run(*flags) == 0
        assert capsys.readouterr().out == "packed: 4 sequences, 23 tokens in 2 shards\n"
    assert run(*flags, "--nolowercase") == 1
    assert "lowercase is True, not False" in capsys.readouterr().err
    manifest = json.loads((tmp_path / "packed/manifest.json").read_text())
    assert manifest["sources"] == ["a1.txt", "a2.txt", "b.jsonl"]
    assert (manifest["rows"], manifest["tokens"]) == (4, 23)
    assert (tmp_path / "packed/vocab.txt").read_text() == (tmp_path / "vocab.txt").read_text()


def test_bad_rows(run, tmp_path, capsys):
    (tmp_path / "a.txt").write_bytes(b"a\n\xff\nb\n")
    assert run("--files=a.txt") == 1
    assert "a.txt:2" in capsys.readouterr().err
    assert not (tmp_path / "packed/manifest.json").exists()
    # Another policy is another packing.
    assert run("--files=a.txt", "--on_bad_row=skip", "--output=other") == 0
    assert "skipped 1 bad row" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "--files"),
        (["--files=a.txt", "--pair_objective=nps"], 2, "pair_objective"),
        (["--files=a.txt", "--processes=0"], 2, "processes"),
        (["--files=nothing.txt"], 1, "nothing.txt"),
        (["--files=vocab.txt", "--max_length=2"], 1, "max_length"),
        (["--files=vocab.txt", "--keep_text", "--pair_objective=sop"], 1, "leave out --keep_text"),
        (["--files=vocab.txt", "--vocabulary=nothing"], 1, "cannot read the vocabulary nothing"),
    ],
)
def test_wrong_commands(run, capsys, arguments, code, message):
    assert run(*arguments) == code
    assert message in capsys.readouterr().err


def test_help_does_not_import_tensorflow():
    program = (
        "import sys; from keras_bert_cls.cli import pack; code = pack.main(['--help']);"
        "assert 'tensorflow' not in sys.modules; sys.exit(code)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert "keep_text" in shown.stdout


def children_of(pid):
    return [
        int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ]


def wait_until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("units_before_the_kill", [0, 1, 4])
def test_killed_it_goes_on_and_ends_with_the_same_bytes(run, tmp_path, units_before_the_kill):
    (tmp_path / "a.txt").write_text("a b c d e f g h " * 20 + "\n\n" + "h g f\na\n\n" * 40_000)
    flags = ["--files=a.txt", "--max_length=16", "--rows_per_shard=100"]
    assert run(*flags, "--output=whole") == 0
    command = [sys.executable, "-m", "keras_bert_cls.cli.pack", *flags, "--processes=2"]
    command += ["--vocabulary=vocab.txt", "--output=killed"]
    folder = tmp_path / "killed"
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: (folder / "plan.json").exists())
        wait_until(lambda: len(list(folder.glob("units/*.json"))) >= units_before_the_kill)
        children = children_of(process.pid)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    wait_until(lambda: not any(pathlib.Path(f"/proc/{child}").exists() for child in children))
    assert not (folder / "manifest.json").exists()
    before = {path: path.stat().st_mtime_ns for path in folder.glob("units/*.json")}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    assert all(path.stat().st_mtime_ns == date for path, date in before.items())
    contents = [
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("whole", "killed")
    ]
    assert contents[0] == contents[1]
    assert len(contents[0]) > 20
