"""bertcls-fill-mask, bertcls-score and bertcls-generate on a run."""

import io
import json
import subprocess
import sys

import pytest
from tiny_trained_models import make_trained_model

import keras_bert_cls as kbc
from keras_bert_cls.cli import fill_mask, generate, score_text
from keras_bert_cls.masked_lm.answers import corpus_perplexity
from keras_bert_cls.masked_lm.infill_options import InfillOptions

TEXTS = ["the [MASK] was play[MASK]", "很[MASK]看！", "the\ufefffilm was good", "none"]
PROGRAMS = (fill_mask, score_text, generate)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    make_trained_model("masked_lm").save(folder)
    return folder


@pytest.fixture(scope="module")
def model(run):
    return kbc.MaskedLM.load(run)


@pytest.fixture
def data(tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    return file


@pytest.fixture(autouse=True)
def fresh_flags(run, model, monkeypatch):
    """And one model for all programs: what loading takes is most of their time."""
    load = kbc.MaskedLM.load
    monkeypatch.setattr(
        kbc.MaskedLM, "load", lambda path: model if path == str(run) else load(path)
    )
    for module in PROGRAMS:
        module.program.flags.unparse_flags()


def lines(capsys):
    return capsys.readouterr().out.splitlines()


def test_fill_mask_tsv(run, model, data, capsys):
    arguments = [f"--model={run}", f"--data={data}", "--top_k=2", "--batch_size=2"]
    assert fill_mask.main(arguments) == 0
    expected = [
        (str(number), str(place), c.token, c.probability, c.word)
        for number, answer in enumerate(model.fill_mask(TEXTS, top_k=2), start=1)
        for place, mask in enumerate(answer.masks, start=1)
        for c in mask
    ]
    rows = [line.split("\t") for line in lines(capsys)]
    assert len(rows) == len(expected) == 6
    for row, candidate in zip(rows, expected, strict=True):
        assert (*row[:3], pytest.approx(float(row[3]), abs=1e-5), row[4]) == candidate


def test_fill_mask_jsonl_from_the_standard_input(run, model, data, capsys, monkeypatch):
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data.read_bytes())))
    )
    assert fill_mask.main([f"--model={run}", "--output_format=jsonl"]) == 0
    rows = list(map(json.loads, lines(capsys)))
    answers = model.fill_mask(TEXTS)
    assert [row["text"] for row in rows] == TEXTS
    assert [row["filled"] for row in rows] == [answer.text for answer in answers]
    assert [len(row["masks"]) for row in rows] == [2, 1, 0, 0]
    best = answers[0].masks[1][0]
    assert rows[0]["masks"][1][0]["word"] == best.word


@pytest.mark.parametrize("word_l2r", [False, True])
def test_score(run, model, data, capsys, word_l2r):
    arguments = [f"--model={run}", f"--data={data}", f"--word_l2r={word_l2r}"]
    assert score_text.main(arguments) == 0
    captured = capsys.readouterr()
    expected = model.score(TEXTS, word_l2r)
    rows = [line.split("\t") for line in captured.out.splitlines()]
    assert [row[3] for row in rows] == TEXTS
    for row, score in zip(rows, expected, strict=True):
        assert float(row[0]) == pytest.approx(score.log_likelihood, abs=1e-3)
        assert int(row[1]) == score.num_tokens
        assert float(row[2]) == pytest.approx(score.perplexity, rel=1e-3)
    tokens = sum(score.num_tokens for score in expected)
    assert captured.err.startswith(f"4 texts, {tokens} tokens, perplexity ")
    assert float(captured.err.split()[-1]) == pytest.approx(corpus_perplexity(expected), rel=1e-3)


def test_score_jsonl(run, model, tmp_path, capsys):
    file = tmp_path / "texts.csv"
    file.write_text('id,text\n1,"good\tor\nbad"\n', encoding="utf-8")
    arguments = [f"--model={run}", f"--data={file}", "--text_column=text"]
    assert score_text.main([*arguments, "--output_format=jsonl"]) == 0
    (row,) = map(json.loads, lines(capsys))
    (score,) = model.score(["good\tor\nbad"])
    assert row["text"] == "good\tor\nbad"
    assert row["log_likelihood"] == pytest.approx(score.log_likelihood, abs=1e-5)
    assert row.keys() == {"log_likelihood", "num_tokens", "perplexity", "text"}
    score_text.program.flags.unparse_flags()
    assert score_text.main(arguments) == 0
    assert lines(capsys)[0].endswith("\tgood or bad")


def test_generate_is_the_same_for_the_same_seed(run, model, capsys):
    arguments = [f"--model={run}", "--prompt=the", "--prompt=很", "--length=6", "--samples=3"]
    printed = {}
    for seed in (4, 4, 5):
        generate.program.flags.unparse_flags()
        assert generate.main([*arguments, f"--seed={seed}", "--passes=4"]) == 0
        printed.setdefault(seed, []).append(lines(capsys))
    assert printed[4][0] == printed[4][1] != printed[5][0]
    options = InfillOptions(passes=4, temperature=1.0, top_p=0.9, seed=4)
    expected = [text for p in ("the", "很") for text in model.generate(6, p, 3, options)]
    assert printed[4][0] == [text.text for text in expected]


def test_generate_fills_texts(run, model, data, capsys):
    arguments = [f"--model={run}", f"--data={data}", "--temperature=0", "--batch_size=3"]
    assert generate.main([*arguments, "--output_format=jsonl", "--samples=2"]) == 0
    rows = list(map(json.loads, lines(capsys)))
    expected = model.infill(TEXTS)
    assert [row["text"] for row in rows[::2]] == [text.text for text in expected]
    assert rows[0]["tokens"] == list(expected[0].tokens)
    assert rows[0]["probabilities"] == pytest.approx(expected[0].probabilities, abs=1e-5)
    assert len(rows) == 8


@pytest.mark.parametrize(
    ("module", "arguments", "status", "message"),
    [
        (generate, [], 2, "give either --length or --data"),
        (generate, ["--length=3", "--data=f"], 2, "give either --length or --data"),
        (generate, ["--data=f", "--prompt=p"], 2, "--prompt goes with --length"),
        (generate, ["--length=0"], 2, "length"),
        (generate, ["--length=3", "--top_p=2", "--passes=0"], 1, "passes must be 1 to 100"),
        (generate, ["--length=30"], 1, "length must be at most 22"),
        (fill_mask, ["--data=missing.txt"], 1, "no such file"),
        (fill_mask, ["--top_k=0"], 2, "top_k"),
        (score_text, ["--word_12r"], 2, "Did you mean 'word_l2r'?"),
    ],
)
def test_what_users_get_wrong(run, module, arguments, status, message, capsys):
    assert module.main([f"--model={run}", *arguments]) == status
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("module", PROGRAMS)
def test_a_folder_without_a_model(module, tmp_path, capsys):
    arguments = ["--length=3"] if module is generate else []
    assert module.main([f"--model={tmp_path}", *arguments]) == 1
    assert "holds no model" in capsys.readouterr().err


def test_help_is_light():
    program = (
        "import sys\n"
        "from keras_bert_cls.cli import fill_mask, generate, score_text\n"
        "for module in (fill_mask, generate, score_text):\n"
        "    assert module.main(['--help']) == 0\n"
        "assert not {'tensorflow', 'keras', 'numpy'} & {*sys.modules}\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("bertcls-fill-mask", "bertcls-score", "bertcls-generate"):
        assert f"usage: {name}" in done.stdout
