"""bertcls-vocab."""

import gzip
import lzma
import subprocess
import sys

import pytest

from keras_bert_cls.cli import vocab
from keras_bert_cls.text.tokenizer import Tokenizer


@pytest.fixture(autouse=True)
def fresh_flags():
    vocab.program.flags.unparse_flags()
    yield
    vocab.program.flags.unparse_flags()


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the program in a folder of its own; returns the exit code."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        return vocab.main(list(arguments))

    return run


def test_learns_from_files_of_all_kinds(run, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("playing low\n今天好\n" * 5, encoding="utf-8")
    with gzip.open(tmp_path / "b1.csv.gz", "wt", encoding="utf-8") as file:
        file.write("label,text\n" + '1,"lower, ""天气"""\n' * 5)
    with lzma.open(tmp_path / "b2.jsonl.xz", "wt", encoding="utf-8") as file:
        file.write('{"label": "1", "text": "很 Résumé"}\n' * 5)
    arguments = ["--input=a.txt", "--input", "b*", "--text_column=text"]
    assert run(*arguments, "--output=out/vocab.txt", "--size=200", "--cjk_min_count=5") == 0
    assert capsys.readouterr().out.startswith("out/vocab.txt: ")

    raw = (tmp_path / "out/vocab.txt").read_bytes()
    assert raw.startswith(b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    assert raw.endswith(b"\n")
    tokenizer = Tokenizer.from_vocab(tmp_path / "out/vocab.txt")
    assert tokenizer.tokens_of("Lower playing，resume 今天很好") == [
        *("lower", "playing", "[UNK]", "resume"),
        *"今天很好",
    ]


def test_flags_reach_the_learner(run, tmp_path):
    (tmp_path / "a.txt").write_text("Été Été Été x 天 天 气\n", encoding="utf-8")
    cased = ["--nolowercase", "--min_frequency=3", "--cjk_min_count=1", "--size=100"]
    assert run("--input=a.txt", "--output=vocab.txt", *cased) == 0
    tokens = (tmp_path / "vocab.txt").read_text(encoding="utf-8").split("\n")
    assert set(tokens[5:]) >= {"Été", "天", "气"}
    assert "x" not in tokens

    vocab.program.flags.unparse_flags()
    options = ["--strip_accents", "--nolowercase", "--size=100"]
    assert run("--input=a.txt", "--output=vocab.txt", *options) == 0
    assert "Ete" in (tmp_path / "vocab.txt").read_text(encoding="utf-8").split("\n")


def test_bad_rows(run, tmp_path, capsys):
    (tmp_path / "a.txt").write_bytes(b"good words\nbad \xff\ngood words\n")
    arguments = ["--input=a.txt", "--output=vocab.txt", "--size=100"]
    assert run(*arguments) == 1
    assert "a.txt:2" in capsys.readouterr().err
    assert not (tmp_path / "vocab.txt").exists()

    vocab.program.flags.unparse_flags()
    assert run(*arguments, "--on_bad_row=skip") == 0
    assert "skipped 1 bad row" in capsys.readouterr().err


def test_too_small_a_size_leaves_the_old_file_alone(run, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("abc abc\n")
    (tmp_path / "vocab.txt").write_text("old")
    assert run("--input=a.txt", "--output=vocab.txt", "--size=6") == 1
    assert "Raise size above 8" in capsys.readouterr().err
    assert (tmp_path / "vocab.txt").read_text() == "old"


def test_output_that_cannot_be_written_is_found_before_the_work(run, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("abc abc\n")
    (tmp_path / "folder").mkdir()
    for output in ("folder", "a.txt/vocab.txt"):
        vocab.program.flags.unparse_flags()
        assert run("--input=a.txt", f"--output={output}", "--size=100") == 1
        assert "--output" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--output=v", "--size=9"], 2, "--input"),
        (["--input=a.txt", "--output=v"], 2, "--size"),
        (["--input=a.txt", "--output=v", "--size=0"], 2, "size"),
        (["--input=a.txt", "--output=v", "--size=9", "--lower_case"], 2, "lowercase"),
        (["--input=nothing.txt", "--output=v", "--size=9"], 1, "nothing.txt"),
    ],
)
def test_wrong_commands(run, capsys, arguments, code, message):
    assert run(*arguments) == code
    assert message in capsys.readouterr().err


def test_help_does_not_import_tensorflow():
    program = (
        "import sys; from keras_bert_cls.cli import vocab; code = vocab.main(['--help']);"
        "assert 'tensorflow' not in sys.modules; sys.exit(code)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert "--cjk_min_count" in shown.stdout
