"""score and score_word_l2r against their definition, one position at a time in float64."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_masked_lm import token_scores
from tiny_trained_models import make_trained_model

from keras_bert_cls.export import score_signatures as module
from keras_bert_cls.export.score_signatures import score_signatures
from keras_bert_cls.export.session import SavedModelSession

TEXTS = [
    "the movie was good, playing!",
    "playinged played ##ed",
    "很好看！",
    "",
    "the movie was bad . " * 20,
    "good",
    "[MASK] unknown",
]
NAMES = ("score", "score_word_l2r")


def strings(texts):
    return np.array([text.encode("utf-8", "surrogatepass") for text in texts], object)


@pytest.fixture(scope="module")
def session(exported):
    with SavedModelSession(exported("masked_lm").folder) as session:
        yield session


@pytest.fixture(scope="module")
def expected(exported):
    trained = exported("masked_lm").trained
    return {
        name: [token_scores(trained, text, name == "score_word_l2r") for text in TEXTS]
        for name in NAMES
    }


def check(answer, expected):
    for row, scores in enumerate(expected):
        assert answer["num_tokens"][row] == len(scores)
        allowed = 1e-5 * max(len(scores), 1)
        assert answer["log_likelihood"][row] == pytest.approx(sum(scores), abs=allowed)
        mean = sum(scores) / max(len(scores), 1)
        assert answer["perplexity"][row] == pytest.approx(np.exp(-mean), rel=2e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_export_scores_by_the_definition(session, expected, name):
    check(session.call(name, {"text": strings(TEXTS)}), expected[name])
    assert [len(scores) for scores in expected[name]][3:5] == [0, 22]


def test_only_words_of_several_tokens_differ(expected):
    differs = [a != b for a, b in zip(*expected.values(), strict=True)]
    assert differs == [True, True, False, False, False, False, False]


@pytest.mark.parametrize("name", NAMES)
def test_eager_and_in_a_function(exported, expected, name):
    trained = exported("masked_lm").trained
    with_graph = score_signatures(trained, 8)[name](tf.constant(TEXTS))
    check({key: value.numpy() for key, value in with_graph.items()}, expected[name])
    scorer = module._Scorer(trained, 8, name == "score_word_l2r")
    eager = scorer.score(tf.constant(TEXTS))
    check({key: value.numpy() for key, value in eager.items()}, expected[name])


def test_in_a_fresh_process(exported, expected):
    """With tensorflow and tensorflow_text alone."""
    program = """
import json, sys
import tensorflow as tf, tensorflow_text
loaded = tf.saved_model.load(sys.argv[1])
answers = {
    name: {
        key: value.numpy().tolist()
        for key, value in loaded.signatures[name](text=tf.constant(json.loads(sys.argv[2]))).items()
    }
    for name in ("score", "score_word_l2r")
}
print(json.dumps(answers))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(exported("masked_lm").folder), json.dumps(TEXTS)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for name, answer in json.loads(done.stdout).items():
        check(answer, expected[name])


@pytest.mark.parametrize("tokens_at_once", [1, 24, 100])
def test_parts_change_nothing(exported, expected, monkeypatch, tokens_at_once):
    monkeypatch.setattr(module, "TOKENS_AT_ONCE", tokens_at_once)
    scores = score_signatures(exported("masked_lm").trained, 8)["score"]
    answer = scores(tf.constant(TEXTS))
    check({key: value.numpy() for key, value in answer.items()}, expected["score"])


def test_a_part_has_no_more_tokens_than_may_be_computed_at_once(monkeypatch):
    """Counts the tokens that the model gets; without parts they would be 9,180."""
    trained = make_trained_model("masked_lm")
    shapes = []

    def model(inputs, training):
        shapes.append(inputs["token_ids"].shape)
        rows = inputs["mask_positions"].shape[0]
        return {"logits": tf.zeros([rows, 1, len(trained.tokenizer.vocabulary)])}

    trained.model = model
    monkeypatch.setattr(module, "TOKENS_AT_ONCE", 200)
    texts = ["good " * 30] * 20 + ["good bad"] * 10
    answer = module._Scorer(trained, 8, False).score(tf.constant(texts))
    assert sum(rows for rows, _ in shapes) == 20 * 22 + 10 * 2
    assert max(rows * length for rows, length in shapes) <= 200
    assert min(rows for rows, _ in shapes[:-1]) >= 200 // 24 - 1
    chance = np.log(len(trained.tokenizer.vocabulary))
    np.testing.assert_allclose(answer["log_likelihood"][:20], -22 * chance, rtol=1e-6)
    np.testing.assert_allclose(answer["log_likelihood"][20:], -2 * chance, rtol=1e-6)


PIECES = ["the ", "play", "ing", "ed ", "很", "！", "[MASK]", "[SEP]", "\n", "\ud83d", "x" * 300]


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=12), max_size=5))
@settings(max_examples=15, deadline=None)
def test_any_text_scores_alone_as_in_a_batch(session, rows):
    texts = strings(["".join(row) for row in rows])
    together = session.call("score", {"text": texts})
    for row in range(len(texts)):
        alone = session.call("score", {"text": texts[row : row + 1]})
        for key, values in together.items():
            np.testing.assert_allclose(alone[key][0], values[row], rtol=1e-5, atol=1e-5)
