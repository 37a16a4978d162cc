"""The signature `generate`: in a Session, a fresh process and the server, and its check."""

import dataclasses
import json
import subprocess
import sys
import urllib.request

import grpc
import numpy as np
import pytest
import tensorflow as tf
from running_server import running_server
from server_requests import SECONDS, predict_request
from server_stubs import Stubs
from tiny_seq2seq_models import make_seq2seq_model

from keras_bert_cls.checkpoints.vocabulary_trimming import trim_vocabulary
from keras_bert_cls.errors import UserError
from keras_bert_cls.export.generate_check import generation_problem
from keras_bert_cls.export.generate_signatures import make_generator, read_texts
from keras_bert_cls.export.saved_model import export_saved_model
from keras_bert_cls.export.session import SavedModelSession
from keras_bert_cls.export.signatures import serving_signatures
from keras_bert_cls.transducer import Transducer

TEXTS = ["the movie was good", "", "很好看！", " \t", "bad " * 40, "\x00", "the\tplaying"]


def encoded(texts):
    return np.array([text.encode() for text in texts], object)


@pytest.fixture(scope="module")
def trained():
    return make_seq2seq_model(method="beam", beams=2)


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    return export_saved_model(trained, tmp_path_factory.mktemp("seq2seq"))


@pytest.fixture(scope="module")
def expected(trained):
    """What the model in this process writes, each text by itself."""
    generator = make_generator(trained)
    answers = []
    for text in TEXTS:
        if not trained.tokenizer.tokens_of(text):
            answers.append(("", 0.0))
            continue
        token_ids, scores = generator.generate(read_texts(trained, tf.constant([text]), 1))
        written = trained.tokenizer.detokenize(tf.RaggedTensor.from_tensor(token_ids))
        answers.append((written.numpy()[0].decode(), float(scores[0])))
    return answers


def check(answer, expected):
    assert [text.decode() for text in answer["text"]] == [text for text, _ in expected]
    np.testing.assert_allclose(answer["score"], [score for _, score in expected], atol=1e-5)


def test_in_a_session(folder, expected):
    with SavedModelSession(folder) as session:
        assert set(session.signatures) == {"serving_default", "generate", "tokenize"}
        inputs = {"text": encoded(TEXTS)}
        check(session.call("generate", inputs), expected)
        check(session.call("serving_default", inputs), expected)
        none = session.call("generate", {"text": encoded([])})
        assert none["text"].shape == none["score"].shape == (0,)
        broken = session.call("generate", {"text": np.array([b"\xff\xfe the"], object)})
        assert broken["text"].shape == (1,) and np.isfinite(broken["score"]).all()
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
            session.call("generate", {"text": np.array(b"scalar", object)})
    assert len({text for text, _ in expected}) > 1


def test_in_a_fresh_process(folder, expected):
    script = f"""
import json, sys, tensorflow as tf, tensorflow_text
generate = tf.saved_model.load({str(folder)!r}).signatures["generate"]
answer = generate(text=tf.constant(json.loads(sys.argv[1])))
assert "keras_bert_cls" not in sys.modules
texts = [text.decode() for text in answer["text"].numpy()]
print(json.dumps([texts, answer["score"].numpy().tolist()]))
"""
    command = [sys.executable, "-c", script, json.dumps(TEXTS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    texts, scores = json.loads(done.stdout.splitlines()[-1])
    assert texts == [text for text, _ in expected]
    np.testing.assert_allclose(scores, [score for _, score in expected], atol=1e-5)


def test_in_the_server(folder, expected):
    with running_server(folder.parent, rest_api_port=-1) as server:
        stubs = Stubs(server.address)
        request = predict_request(signature="generate", text=[text.encode() for text in TEXTS])
        outputs = stubs.prediction.Predict(request, timeout=SECONDS).outputs
        check({name: tf.make_ndarray(value) for name, value in outputs.items()}, expected)
        with pytest.raises(grpc.RpcError) as raised:
            stubs.prediction.Predict(predict_request(text=b"scalar"), timeout=SECONDS)
        assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        url = f"http://{server.rest_address}/v1/models/tiny:predict"
        body = json.dumps({"instances": TEXTS}).encode()
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=SECONDS) as reply:
            rows = json.load(reply)["predictions"]
    assert [row["text"] for row in rows] == [text for text, _ in expected]


@pytest.mark.parametrize("method", [pytest.param("greedy", marks=pytest.mark.slow), "top_p"])
def test_other_methods(method, tmp_path):
    trained = make_seq2seq_model(method=method, temperature=1.5, max_length=4)
    folder = export_saved_model(trained, tmp_path / "out", warmup=False)
    trained.save(tmp_path / "run")
    answers = [Transducer.load(path).write(TEXTS, 3) for path in (tmp_path / "run", folder)]
    assert [a.text for a in answers[0]] == [a.text for a in answers[1]]
    np.testing.assert_allclose(*([a.score for a in rows] for rows in answers), atol=1e-5)


def test_the_check_finds_a_wrong_text_and_a_wrong_score(trained):
    generate = serving_signatures(trained)["generate"]

    def call(_, inputs):
        return {
            name: value.numpy() for name, value in generate(tf.constant(inputs["text"])).items()
        }

    def wrong_text(signature, inputs):
        answer = call(signature, inputs)
        return {**answer, "text": np.array([text + b"!" for text in answer["text"]], object)}

    def wrong_score(signature, inputs):
        answer = call(signature, inputs)
        return {**answer, "score": answer["score"] + 1e-3}

    texts = [text.encode() for text in TEXTS]
    assert generation_problem(trained, call, texts, 1e-5) == ""
    for wrong in (wrong_text, wrong_score):
        assert "the Keras model with" in generation_problem(trained, wrong, texts, 1e-5)


def test_what_a_model_cannot_do_is_refused(trained, tmp_path):
    generation = dataclasses.replace(trained.generation, max_length=7)
    with pytest.raises(UserError, match="the decoder has 6 positions"):
        export_saved_model(dataclasses.replace(trained, generation=generation), tmp_path)


def test_a_trimmed_vocabulary_gives_the_same_logits(trained):
    trimmed = trim_vocabulary(trained, ["the movie was good"])
    kept = [trained.tokenizer.vocabulary.id_of(t) for t in trimmed.tokenizer.vocabulary.tokens]
    assert trimmed.model.output["logits"].shape[-1] == len(kept) == 9
    rows = np.arange(4, 9)[np.newaxis]
    inputs = {name: np.ones_like(rows, np.int32) for name in trained.model.input}
    names = ("token_ids", "decoder_token_ids")
    before = trained.model({**inputs, **dict.fromkeys(names, np.array(kept, np.int32)[rows])})
    after = trimmed.model({**inputs, **dict.fromkeys(names, rows.astype(np.int32))})
    np.testing.assert_allclose(after["logits"], before["logits"].numpy()[..., kept], atol=1e-5)
