"""Clients and programs that ask a server to fill, score and write texts, without TensorFlow."""

import asyncio
import json
import subprocess
import sys

import grpc
import pytest
from running_server import running_server
from tiny_seq2seq_models import make_seq2seq_model
from tiny_trained_models import make_trained_model

import keras_bert_cls as kbc
from keras_bert_cls.cli import fill_mask, generate, score_text, transduce
from keras_bert_cls.client import AsyncClient, Client, ServerError
from keras_bert_cls.errors import UserError
from keras_bert_cls.masked_lm.infill_options import InfillOptions
from keras_bert_cls.transducer import Transducer

TEXTS = ["the [MASK] was good", "[MASK][MASK] 看 [MASK]", "", "it was play[MASK]", "bad bad"]
DRAWN = InfillOptions(passes=3, temperature=1.0, top_p=0.9, seed=5)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A masked LM as exported."""
    folder = tmp_path_factory.mktemp("masked_lm")
    kbc.export_saved_model(make_trained_model("masked_lm"), folder, warmup=False)
    return folder, kbc.MaskedLM.load(folder)


@pytest.fixture(scope="module")
def served(model):
    with running_server(model[0], rest_api_port=-1) as server:
        yield server


@pytest.fixture(scope="module")
def client(served):
    """Sends two texts at a time: answers come in parts of other sizes than the list's."""
    with Client(served.address, "tiny", batch_size=2, timeout=60) as connected:
        yield connected


def check_filled(found, expected):
    assert [answer.text for answer in found] == [answer.text for answer in expected]
    for one, other in zip(found, expected, strict=True):
        for mask, wanted in zip(one.masks, other.masks, strict=True):
            assert [(c.token, c.word) for c in mask] == [(c.token, c.word) for c in wanted]
            shares = [c.probability for c in wanted]
            assert [c.probability for c in mask] == pytest.approx(shares, abs=1e-5)


def test_fill_mask(client, model):
    check_filled(client.fill_mask(TEXTS, 3), model[1].fill_mask(TEXTS, 3))
    assert client.fill_mask([]) == []
    assert client.fill_mask(["no mask"])[0].masks == ()
    with pytest.raises(UserError, match="gives 5 candidates for a \\[MASK\\], 6 are asked for"):
        client.fill_mask(TEXTS, 6)


def test_score(client, model):
    for word_l2r in (False, True):
        expected = model[1].score(TEXTS, word_l2r)
        for one, other in zip(client.score(TEXTS, word_l2r), expected, strict=True):
            assert one.num_tokens == other.num_tokens
            assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-4)


def test_infill_draws_by_the_number_of_a_text(client, model):
    expected = model[1].infill(TEXTS, DRAWN)
    found = client.infill(TEXTS, DRAWN)
    assert [answer.text for answer in found] == [answer.text for answer in expected]
    assert [answer.tokens for answer in found] == [answer.tokens for answer in expected]
    (second,) = client.infill(TEXTS[1:2], DRAWN, first=1)
    assert second.tokens == expected[1].tokens
    with pytest.raises(UserError, match="passes must be"):
        client.infill(TEXTS, InfillOptions(passes=0))


def test_asyncio(served, model):
    async def ask():
        async with AsyncClient(served.address, "tiny", timeout=60) as client:
            return await asyncio.gather(
                client.fill_mask(TEXTS), client.score(TEXTS[:1]), client.infill(TEXTS[:1])
            )

    filled, scores, infilled = asyncio.run(ask())
    check_filled(filled, model[1].fill_mask(TEXTS))
    assert scores[0].num_tokens == model[1].score(TEXTS[:1])[0].num_tokens
    assert infilled[0].text == model[1].infill(TEXTS[:1])[0].text


def test_another_kind_of_model(client):
    with pytest.raises(ServerError, match='"generate" not found') as caught:
        client.generate(TEXTS)
    assert caught.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert str(caught.value).endswith(
        " 'tiny' has no signature 'generate', it has fill_mask, infill, score, score_word_l2r, "
        "serving_default, tokenize. It answers bertcls-fill-mask, bertcls-score, bertcls-generate."
    )
    with pytest.raises(ServerError, match=r"'scor', it has fill_mask, infill"):
        client.predict(TEXTS, task="scor")
    with pytest.raises(ServerError, match=r"name: x_classify\. 'tiny' has no signature"):
        client.classify(TEXTS, task="x")


@pytest.fixture
def data(tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("".join(f"{text}\n" for text in TEXTS if text), encoding="utf-8")
    return file


WITHOUT_TENSORFLOW = (
    "import importlib, sys; program = importlib.import_module(sys.argv[1]); "
    "code = program.main(sys.argv[2:]); "
    "assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules); sys.exit(code)"
)


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        (fill_mask, ["--output_format=jsonl"]),
        (score_text, ["--word_l2r"]),
        (generate, ["--temperature=1", "--seed=4", "--samples=2"]),
    ],
    ids=["fill_mask", "score", "generate"],
)
def test_programs_print_what_they_print_of_the_export(
    program, arguments, served, model, data, capsys
):
    asked = [f"--data={data}", *arguments]
    program.program.flags.unparse_flags()
    assert program.main([f"--model={model[0]}", *asked]) == 0
    expected = capsys.readouterr().out
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, program.__name__, *asked]
    server = ["--server", served.address, "--model_name=tiny", "--batch_size=3"]
    done = subprocess.run([*command, *server], capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    if program is fill_mask:
        rows = [[json.loads(line) for line in out.splitlines()] for out in (done.stdout, expected)]
        assert [row["filled"] for row in rows[0]] == [row["filled"] for row in rows[1]]
        return
    assert done.stdout == expected


@pytest.mark.parametrize("program", [fill_mask, score_text, generate, transduce])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data=-"], "give either --model or --server"),
        (["--data=-", "--server=host:1"], "--server needs --model_name"),
        (["--data=-", "--model=here", "--version=1"], "only with --server"),
    ],
    ids=["none", "no name", "local"],
)
def test_wrong_command_lines(program, arguments, message, capsys):
    program.program.flags.unparse_flags()
    assert program.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_prompt_of_a_served_model(served, model, capsys):
    generate.program.flags.unparse_flags()
    asked = ["--length=3", "--prompt=the", "--samples=2", "--temperature=1"]
    assert generate.main([f"--model={model[0]}", *asked]) == 0
    expected = capsys.readouterr().out
    generate.program.flags.unparse_flags()
    server = ["--server", served.address, "--model_name=tiny"]
    assert generate.main([*server, *asked]) == 0
    assert capsys.readouterr().out == expected
    generate.program.flags.unparse_flags()
    assert generate.main([*server, "--length=60"]) == 1
    assert "exceed the model's length, by" in capsys.readouterr().err


def test_sequence_to_sequence(tmp_path, capsys):
    kbc.export_saved_model(make_seq2seq_model(), tmp_path / "export", warmup=False)
    texts = ["the movie", "good", ""]
    expected = Transducer.load(tmp_path / "export").write(texts)
    with running_server(tmp_path / "export", rest_api_port=-1) as server:
        with Client(server.address, "tiny", batch_size=1) as client:
            found = client.generate(texts)
        (tmp_path / "texts.txt").write_text("the movie\ngood\n")
        asked = ["--server", server.address, "--model_name=tiny", f"--data={tmp_path}/texts.txt"]
        transduce.program.flags.unparse_flags()
        assert transduce.main(asked) == 0, capsys.readouterr().err
        assert capsys.readouterr().out.count("\n") == 2
        transduce.program.flags.unparse_flags()
        assert transduce.main([*asked, "--method=beam"]) == 1
        assert "--method: a server's model is an export" in capsys.readouterr().err
    assert [written.text for written in found] == [written.text for written in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-4)
