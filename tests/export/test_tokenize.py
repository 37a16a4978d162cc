"""tokenize against Google's packing in plain Python, and the same everywhere that it runs."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_trained_models import TOKENS, make_trained_model

from keras_bert_cls.export import tokenize_signature
from keras_bert_cls.export.saved_model import export_saved_model
from keras_bert_cls.export.session import SavedModelSession
from keras_bert_cls.export.signatures import serving_signatures
from keras_bert_cls.export.verify import VerificationError

MAX_LENGTH = 24
CASES = [("single_label", False), ("regression", True), ("masked_lm", False)]
TEXTS = [
    "the movie was good, playing!",
    "很好看！𠮷",
    "",
    "ＧＯＯＤ 👍🏽 \u200b played",
    "[CLS] [SEP] [PAD] the",
    "the movie was bad . " * 20,
    "好" * (MAX_LENGTH - 2),
    "the [MASK] was play[MASK] [mask]",
]


def expected_tokens(trained, *texts):
    """Tokens of a text or a pair, cut as `_truncate_seq_pair` of google-research/bert does."""
    segments = [tokens_of(trained, text) for text in texts]
    while sum(map(len, segments)) > MAX_LENGTH - 1 - len(segments):
        first, *rest = segments
        longer = first if not rest or len(first) > len(rest[0]) else rest[0]
        longer.pop()
    return ["[CLS]", *(token for segment in segments for token in [*segment, "[SEP]"])]


def tokens_of(trained, text):
    if trained.settings.task != "masked_lm":
        return trained.tokenizer.tokens_of(text)
    first, *rest = text.split("[MASK]")
    tokens = trained.tokenizer.tokens_of(first)
    for piece in rest:
        tokens += ["[MASK]", *trained.tokenizer.tokens_of(piece)]
    return tokens


def columns(text_pair, texts):
    return {"text": texts, **({"text_pair": texts[::-1]} if text_pair else {})}


def check(trained, inputs, answer):
    rows = [expected_tokens(trained, *row) for row in zip(*inputs.values(), strict=True)]
    padding = [MAX_LENGTH - len(row) for row in rows]
    assert answer["tokens"].tolist() == [
        [token.encode() for token in row] + [b""] * missing
        for row, missing in zip(rows, padding, strict=True)
    ]
    assert answer["token_ids"].tolist() == [
        [TOKENS.index(token) for token in row] + [TOKENS.index("[PAD]")] * missing
        for row, missing in zip(rows, padding, strict=True)
    ]


def as_arrays(outputs):
    return {name: np.asarray(values) for name, values in outputs.items()}


@pytest.mark.parametrize(("task", "text_pair"), CASES)
def test_eager_code_functions_and_datasets(exported, task, text_pair):
    trained = exported(task, text_pair).trained
    tokenize = serving_signatures(trained)["tokenize"]
    inputs = columns(text_pair, TEXTS)
    tensors = tuple(tf.constant(texts) for texts in inputs.values())
    check(trained, inputs, as_arrays(tokenize.python_function(*tensors)))
    check(trained, inputs, as_arrays(tokenize(*tensors)))
    batches = tf.data.Dataset.from_tensor_slices(tensors).batch(3).map(tokenize)
    answers = [as_arrays(batch) for batch in batches]
    check(trained, inputs, {k: np.concatenate([a[k] for a in answers]) for k in answers[0]})


def test_exports_in_a_fresh_process(exported):
    program = """
import json, sys
import tensorflow as tf
import tensorflow_text

for folder, inputs in json.loads(sys.argv[1]):
    tokenize = tf.saved_model.load(folder).signatures["tokenize"]
    answer = tokenize(**{name: tf.constant(texts) for name, texts in inputs.items()})
    tokens = [[token.decode() for token in row] for row in answer["tokens"].numpy()]
    print(json.dumps({"tokens": tokens, "token_ids": answer["token_ids"].numpy().tolist()}))
"""
    asked = [(exported(*case), columns(case[1], TEXTS)) for case in CASES]
    arguments = json.dumps([(str(export.folder), inputs) for export, inputs in asked])
    done = subprocess.run(
        [sys.executable, "-c", program, arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for (export, inputs), line in zip(asked, done.stdout.splitlines(), strict=True):
        answer = json.loads(line)
        answer["tokens"] = np.char.encode(np.array(answer["tokens"], str)).astype(object)
        check(export.trained, inputs, as_arrays(answer))


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case[0])
def served(request, exported):
    """A model, whether it takes pairs, and its export in a session."""
    export = exported(*request.param)
    with SavedModelSession(export.folder) as session:
        yield export.trained, request.param[1], session


PIECES = ["the ", "很", "play", "ing", "[MASK]", "[SEP]", "👍🏽", "\n", "##", "ed", "\0", "é"]


@given(texts=st.lists(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), max_size=5))
@settings(max_examples=30, deadline=None)
def test_whatever_the_batch(served, texts):
    trained, text_pair, session = served
    inputs = columns(text_pair, texts)
    encoded = {n: np.array([t.encode() for t in column], object) for n, column in inputs.items()}
    answer = session.call("tokenize", encoded)
    assert answer["tokens"].shape == answer["token_ids"].shape == (len(texts), MAX_LENGTH)
    check(trained, inputs, answer)


def test_bytes_that_are_not_utf8(served):
    _, text_pair, session = served
    broken = {n: np.array([b"\xff the \xe4\xbd"], object) for n in columns(text_pair, [])}
    once = [b"[CLS]", b"the", b"[SEP]"]
    tokens = session.call("tokenize", broken)["tokens"][0].tolist()
    assert [token for token in tokens if token] == once + (once[1:] if text_pair else [])


@pytest.mark.parametrize("task", ["single_label", "masked_lm"])
def test_wrong_names_leave_no_export(tmp_path, monkeypatch, task):
    names = tokenize_signature.token_names
    monkeypatch.setattr(tokenize_signature, "token_names", lambda v: tf.roll(names(v), 1, 0))
    message = r"tokens of signature tokenize differs from the tokenizer at \(0, 0\): b'\[UNK\]', "
    with pytest.raises(VerificationError, match=message):
        export_saved_model(make_trained_model(task), tmp_path)
    assert list(tmp_path.iterdir()) == []
