"""MaskedLM: the same answers from a run, from its export and from a server of the export."""

import http.client
import json
import math

import numpy as np
import pytest
import tensorflow as tf
from plain_masked_lm import SPECIAL, ids_of, likeliest, log_shares, mask_predict, token_scores
from running_server import running_server
from server_requests import INVALID, SECONDS, predict_request, refusal
from server_stubs import Stubs
from tiny_trained_models import TOKENS, make_trained_model

import keras_bert_cls as kbc
from keras_bert_cls.masked_lm.answers import TextScore, corpus_perplexity
from keras_bert_cls.masked_lm.infill_options import InfillOptions

TEXTS = [
    "the [MASK] was good",
    "[MASK][MASK] 看 [MASK]",
    "",
    "it was play[MASK]",
    "bad " * 40 + "[MASK]",
    "half a pair \ud83d of surrogates [MASK]",
]
DRAWN = InfillOptions(passes=3, temperature=1.0, top_p=0.9, seed=5)


@pytest.fixture(scope="module")
def trained():
    return make_trained_model("masked_lm")


@pytest.fixture(scope="module")
def folders(trained, tmp_path_factory):
    """The workdir and the export of the model."""
    base = tmp_path_factory.mktemp("masked_lm")
    trained.save(base / "run")
    kbc.export_saved_model(trained, base / "export", warmup=False)
    return base / "run", base / "export"


@pytest.fixture(scope="module")
def run(folders):
    return kbc.MaskedLM.load(folders[0])


@pytest.fixture(scope="module")
def export(folders):
    return kbc.MaskedLM.load(folders[1])


@pytest.fixture(scope="module")
def server(folders):
    with running_server(folders[1], rest_api_port=-1) as running:
        yield running


@pytest.fixture(params=["run", "export"])
def model(request):
    return request.getfixturevalue(request.param)


def test_fill_mask(trained, model):
    answers = model.fill_mask(TEXTS, top_k=3)
    assert [len(answer.masks) for answer in answers] == [1, 3, 0, 1, 0, 1]
    for text, answer in zip(TEXTS, answers, strict=True):
        token_ids = ids_of(trained, text)
        places = [n for n, token_id in enumerate(token_ids) if TOKENS[token_id] == "[MASK]"]
        for place, mask in zip(places, answer.masks, strict=True):
            shares = np.exp(log_shares(trained, token_ids, [place])[0])
            best = np.argsort(-shares)[:3]
            assert [candidate.token for candidate in mask] == [TOKENS[n] for n in best]
            assert [c.probability for c in mask] == pytest.approx(shares[best], abs=1e-5)
    assert answers[2].text == ""
    first, second, third = (mask[0].token.removeprefix("##") for mask in answers[1].masks)
    assert answers[1].text == f"{first}{second} 看 {third}"
    assert answers[4].text == TEXTS[4]  # Its [MASK] was cut off.


def test_candidates_are_whole_words(run):
    (answer,) = run.fill_mask(["the play[MASK] , [MASK] very"], top_k=len(TOKENS))
    first, second = ({c.token: c.word for c in mask} for mask in answer.masks)
    assert first.keys() == set(TOKENS)
    assert first["##ing"] == "playing" and first["##ed"] == "played" and first["good"] == "good"
    assert second["##ing"] == ",ing"
    (answer,) = run.fill_mask(["[MASK][MASK]"], top_k=len(TOKENS))
    assert {c.word for mask in answer.masks for c in mask if c.token == "##ing"} == {"ing"}


def test_an_export_gives_no_more_candidates_than_it_has(export):
    with pytest.raises(kbc.UserError, match=r"gives 5 candidates .* 6 are asked for"):
        export.fill_mask(TEXTS, top_k=6)


@pytest.mark.parametrize("word_l2r", [False, True])
def test_score(trained, model, word_l2r):
    texts = ["the movie was playing", "很好看！", "", "playinged"]
    for text, score in zip(texts, model.score(texts, word_l2r, batch_size=3), strict=True):
        expected = token_scores(trained, text, word_l2r)
        assert score.num_tokens == len(expected)
        assert score.log_likelihood == pytest.approx(sum(expected), abs=1e-5 * (len(expected) + 1))
        mean = -sum(expected) / max(len(expected), 1)
        assert score.perplexity == pytest.approx(math.exp(mean), rel=1e-4)


def test_the_perplexity_of_many_texts_weighs_tokens():
    scores = [TextScore(-2.0, 1), TextScore(-3.0, 9), TextScore(0.0, 0)]
    assert corpus_perplexity(iter(scores)) == pytest.approx(math.exp(0.5))
    assert corpus_perplexity([]) == 1


def test_infill_takes_the_likeliest_by_default(trained, model):
    answers = model.infill(TEXTS)
    for text, answer in zip(TEXTS, answers, strict=True):
        tokens, shares = mask_predict(trained, text, 10, likeliest(trained))
        assert answer.tokens == tuple(tokens)
        assert answer.probabilities == pytest.approx(shares, abs=1e-5)
    assert answers[4].text == TEXTS[4]


def test_a_run_and_its_export_draw_the_same_for_any_batch_size(run, export):
    texts = TEXTS * 3
    drawn = run.infill(texts, DRAWN)
    for other in (run.infill(iter(texts), DRAWN, batch_size=4), export.infill(texts, DRAWN, 1)):
        assert [answer.text for answer in other] == [answer.text for answer in drawn]
        for a, b in zip(other, drawn, strict=True):
            assert a.tokens == b.tokens
            assert a.probabilities == pytest.approx(b.probabilities, abs=1e-5)
    assert drawn[1].tokens != drawn[7].tokens or drawn[1].tokens != drawn[13].tokens


def test_generate(run, export):
    texts = run.generate(8, "The Movie", samples=6, options=DRAWN, batch_size=4)
    for other in (run, export):
        again = other.generate(8, "The Movie", samples=6, options=DRAWN)
        assert [text.text for text in again] == [text.text for text in texts]
    assert len({text.text for text in texts}) > 1
    for text in texts:
        assert text.text.startswith("The Movie") and "[MASK]" not in text.text
        assert len(text.tokens) == 8
        assert not {*text.tokens} & {*SPECIAL}
    (best,) = {text.text for text in run.generate(3, samples=2)}
    assert best == run.infill(["[MASK]" * 3])[0].text


def test_wrong_arguments_are_refused(run):
    for call, message in (
        (lambda: run.generate(23), "length must be at most 22, got 23"),
        (lambda: run.generate(20, "the movie was"), "exceed the model's length, 24, by 1"),
        (lambda: run.generate(0), "length and samples must be at least 1"),
        (lambda: run.score("one text"), "expected an iterable of strings as texts, got one"),
        (lambda: run.fill_mask(["a", 3]), r"text number 1 \(from 0\) must be a string, got int"),
        (lambda: run.score(["a"], batch_size=0), "batch_size must be at least 1"),
        (lambda: run.fill_mask(["a"], top_k=0), "top_k must be at least 1"),
        (
            lambda: run.infill(["a"], InfillOptions(0, math.nan, -1, 0.0, 2**31)),
            "passes .*temperature .*top_k .*top_p .*seed",
        ),
    ):
        with pytest.raises(kbc.UserError, match=message):
            call()


def test_other_models_are_refused(tmp_path):
    with pytest.raises(kbc.UserError, match=r"holds no model\. Expected the --workdir"):
        kbc.MaskedLM.load(tmp_path)
    make_trained_model("single_label").save(tmp_path)
    with pytest.raises(kbc.UserError, match="is no masked language model but one for single_label"):
        kbc.MaskedLM.load(tmp_path)


def test_a_server_scores_and_infills_over_grpc(server, run):
    texts = ["the movie was playing", "", "很好看！"]
    stubs = Stubs(server.address)
    with stubs.channel:
        request = predict_request(signature="score", text=[text.encode() for text in texts])
        answer = stubs.prediction.Predict(request, timeout=SECONDS).outputs
        found = tf.make_ndarray(answer["log_likelihood"])
        expected = run.score(texts)
        np.testing.assert_allclose(found, [s.log_likelihood for s in expected], atol=1e-5 * 6)
        assert tf.make_ndarray(answer["num_tokens"]).tolist() == [5, 0, 4]

        settings = DRAWN.inputs(0, 1).items()
        numbers = {name: np.array(values, dtype) for name, (dtype, values) in settings}
        inputs = {"text": [TEXTS[1].encode()], **numbers}
        request = predict_request(signature="infill", **inputs)
        answer = stubs.prediction.Predict(request, timeout=SECONDS).outputs
        (drawn,) = run.infill(TEXTS[1:2], DRAWN)
        assert tf.make_ndarray(answer["sequence"])[0].decode() == drawn.text

        for wrong, message in (
            (predict_request(signature="score", text=b"a scalar"), "shape"),
            (
                predict_request(signature="infill", **{**inputs, "passes": np.int32([0])}),
                "passes must be 1 to 100",
            ),
        ):
            code, details = refusal(stubs.prediction.Predict, wrong)
            assert code == INVALID
            assert message in details


def test_a_server_scores_and_infills_over_rest(server, run):
    connection = http.client.HTTPConnection(server.rest_address, timeout=SECONDS)

    def ask(signature, **inputs):
        body = json.dumps({"signature_name": signature, "inputs": inputs})
        connection.request("POST", "/v1/models/tiny:predict", body)
        return json.load(connection.getresponse())["outputs"]

    answer = ask("score", text=["the movie", ""])
    (expected, _) = run.score(["the movie", ""])
    assert answer["log_likelihood"] == pytest.approx([expected.log_likelihood, 0], abs=2e-5)
    assert answer["num_tokens"] == [2, 0]
    assert answer["perplexity"] == pytest.approx([expected.perplexity, 1], rel=1e-4)

    settings = {name: values for name, (_, values) in DRAWN.inputs(0, 1).items()}
    answer = ask("infill", text=[TEXTS[1]], **settings)
    (drawn,) = run.infill(TEXTS[1:2], DRAWN)
    assert answer["sequence"] == [drawn.text]
    assert answer["tokens"] == [list(drawn.tokens)]
    connection.close()
