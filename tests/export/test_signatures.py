"""The signatures of an export: what they declare, and that they answer as the Keras model does."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tiny_trained_models import LABELS, logits_of, softmax

from keras_bert_cls.export.saved_graph import read_saved_model
from keras_bert_cls.export.session import SavedModelSession
from keras_bert_cls.text.packing import pack_texts

TEXTS = [
    b"the movie was good, playing!",
    "很好看！".encode(),
    b"",
    b"\xff\xfe the \xe4\xbd movie",
    b"the movie was bad . " * 20,
    "a\0b\u3000ＧＯＯＤ 👍🏽 \u200b".encode(),
]
PAIRS = [TEXTS, TEXTS[::-1]]
CASES = [
    ("single_label", False),
    ("single_label", True),
    ("multi_label", False),
    ("regression", True),
]
PROBABILITIES = {"probabilities": ("float32", [-1, 3])}
ANSWER = {"label": ("string", [-1]), "score": ("float32", [-1]), **PROBABILITIES}
CLASSIFY = {"classes": ("string", [-1, 3]), "scores": ("float32", [-1, 3])}
EMBED = {"embedding": ("float32", [-1, 8])}
TOKENIZE = {"tokens": ("string", [-1, 24]), "token_ids": ("int32", [-1, 24])}
VALUE = {"value": ("float32", [-1])}
FILL_MASK = {
    "tokens": ("string", [-1, -1, 5]),
    "scores": ("float32", [-1, -1, 5]),
    "sequence": ("string", [-1]),
}
INFILL = {
    "tokens": ("string", [-1, -1]),
    "scores": ("float32", [-1, -1]),
    "sequence": ("string", [-1]),
}
SCORE = {
    "log_likelihood": ("float32", [-1]),
    "num_tokens": ("int32", [-1]),
    "perplexity": ("float32", [-1]),
}
INFILL_INPUTS = {
    "text": ("string", [-1]),
    "seed": ("int64", [-1]),
    "passes": ("int32", [-1]),
    "temperature": ("float32", [-1]),
    "top_k": ("int32", [-1]),
    "top_p": ("float32", [-1]),
}
EXPECTED_OUTPUTS = {
    "single_label": {
        "serving_default": ANSWER,
        "classify": CLASSIFY,
        "tokens": PROBABILITIES,
        "embed": EMBED,
        "tokenize": TOKENIZE,
    },
    "regression": {
        "serving_default": VALUE,
        "regress": {"outputs": ("float32", [-1])},
        "tokens": VALUE,
        "embed": EMBED,
        "tokenize": TOKENIZE,
    },
    "masked_lm": {
        "serving_default": FILL_MASK,
        "fill_mask": FILL_MASK,
        "infill": INFILL,
        "score": SCORE,
        "score_word_l2r": SCORE,
        "tokenize": TOKENIZE,
    },
}
EXPECTED_OUTPUTS["multi_label"] = EXPECTED_OUTPUTS["single_label"]


def strings(values):
    return np.array(values, object)


def text_inputs(text_pair, texts=TEXTS):
    columns = {"text": strings(texts)}
    return {**columns, "text_pair": strings(texts[::-1])} if text_pair else columns


def serialized_examples(text_pair):
    columns = text_inputs(text_pair)
    rows = zip(*columns.values(), strict=True)
    return strings([example(**dict(zip(columns, row, strict=True))) for row in rows])


def example(**features):
    proto = tf.train.Example()
    for name, value in features.items():
        proto.features.feature[name].bytes_list.value.append(value)
    return proto.SerializeToString()


def expected_logits(trained):
    return logits_of(trained, *(PAIRS if trained.settings.text_pair else PAIRS[:1]))


def expected_probabilities(trained):
    logits = expected_logits(trained)
    return softmax(logits) if trained.settings.task == "single_label" else 1 / (1 + np.exp(-logits))


@pytest.fixture(scope="module")
def session_of(exported):
    sessions = {}

    def get(task, text_pair=False):
        key = task, text_pair
        if key not in sessions:
            sessions[key] = SavedModelSession(exported(*key).folder)
        return sessions[key]

    yield get
    for session in sessions.values():
        session.close()


@pytest.mark.parametrize(("task", "text_pair"), [*CASES, ("masked_lm", False)])
def test_declared_inputs_outputs_and_methods(exported, task, text_pair):
    texts = {"text": ("string", [-1])}
    if text_pair:
        texts["text_pair"] = ("string", [-1])
    examples = {"inputs": ("string", [-1])}
    names = ("token_ids", "segment_ids", "padding_mask")
    tokens = {name: ("int32", [-1, -1]) for name in names}
    inputs = {"classify": examples, "regress": examples, "tokens": tokens, "infill": INFILL_INPUTS}
    (meta_graph,) = read_saved_model(exported(task, text_pair).folder).meta_graphs
    declared = {
        name: (_tensors(signature.inputs), _tensors(signature.outputs), signature.method_name)
        for name, signature in meta_graph.signature_def.items()
        if not name.startswith("__")
    }
    assert declared == {
        name: (
            inputs.get(name, texts),
            outputs,
            f"tensorflow/serving/{name if name in ('classify', 'regress') else 'predict'}",
        )
        for name, outputs in EXPECTED_OUTPUTS[task].items()
    }


def _tensors(tensors):
    return {
        name: (tf.as_dtype(t.dtype).name, [d.size for d in t.tensor_shape.dim])
        for name, t in tensors.items()
    }


@pytest.mark.parametrize(("task", "text_pair"), CASES[:3])
def test_serving_default_classifies_as_the_keras_model(exported, session_of, task, text_pair):
    probabilities = expected_probabilities(exported(task, text_pair).trained)
    answer = session_of(task, text_pair).call("serving_default", text_inputs(text_pair))
    np.testing.assert_allclose(answer["probabilities"], probabilities, atol=1e-5)
    np.testing.assert_allclose(answer["score"], probabilities.max(-1), atol=1e-5)
    best = [LABELS[index] for index in probabilities.argmax(-1)]
    assert [label.decode() for label in answer["label"]] == best


def test_the_model_tells_texts_apart(exported):
    """Guards the other tests: a model that ignored its input would pass them."""
    probabilities = expected_probabilities(exported("single_label").trained)
    assert np.ptp(probabilities, axis=0).max() > 1e-3


def test_serving_default_regresses_as_the_keras_model(exported, session_of):
    values = expected_logits(exported("regression", True).trained)[:, 0]
    answer = session_of("regression", True).call("serving_default", text_inputs(True))
    np.testing.assert_allclose(answer["value"], values, atol=1e-5)


@pytest.mark.parametrize(("task", "text_pair"), CASES)
def test_examples_get_the_same_answers(session_of, task, text_pair):
    session = session_of(task, text_pair)
    direct = session.call("serving_default", text_inputs(text_pair))
    inputs = {"inputs": serialized_examples(text_pair)}
    if task == "regression":
        np.testing.assert_array_equal(session.call("regress", inputs)["outputs"], direct["value"])
        return
    answer = session.call("classify", inputs)
    np.testing.assert_array_equal(answer["scores"], direct["probabilities"])
    assert [[name.decode() for name in row] for row in answer["classes"]] == [[*LABELS]] * 6


@pytest.mark.parametrize(("task", "text_pair"), CASES)
def test_tokens_get_the_same_answers_whatever_the_padding(exported, session_of, task, text_pair):
    trained = exported(task, text_pair).trained
    packed = pack_texts(
        trained.tokenizer.vocabulary,
        [trained.tokenizer.tokenize(text) for text in text_inputs(text_pair).values()],
        max_length=24,
        pad_to_max_length=True,
    )
    session = session_of(task, text_pair)
    direct = session.call("serving_default", text_inputs(text_pair))
    answer = session.call("tokens", {name: value.numpy() for name, value in packed.items()})
    for name, values in answer.items():
        np.testing.assert_allclose(values, direct[name], atol=1e-6)


@pytest.mark.parametrize("text_pair", [False, True])
def test_embed_gives_the_pooled_output(exported, session_of, text_pair):
    trained = exported("single_label", text_pair).trained
    packed = pack_texts(
        trained.tokenizer.vocabulary,
        [trained.tokenizer.tokenize(text) for text in text_inputs(text_pair).values()],
        max_length=24,
    )
    answer = session_of("single_label", text_pair).call("embed", text_inputs(text_pair))
    pooled = trained.model(packed)["pooled_output"]
    np.testing.assert_allclose(answer["embedding"], pooled, atol=1e-5)


@pytest.mark.parametrize("text_pair", [False, True])
def test_a_text_gets_the_same_answer_alone_and_in_a_batch(session_of, text_pair):
    session = session_of("single_label", text_pair)
    inputs = text_inputs(text_pair)
    together = session.call("serving_default", inputs)
    for row in range(len(TEXTS)):
        alone = session.call(
            "serving_default", {name: values[row : row + 1] for name, values in inputs.items()}
        )
        assert alone["probabilities"].shape == (1, 3)
        np.testing.assert_allclose(
            alone["probabilities"][0], together["probabilities"][row], atol=1e-6
        )


@pytest.mark.parametrize(("task", "text_pair"), [*CASES, ("masked_lm", False)])
def test_an_empty_batch_gets_an_empty_answer(session_of, task, text_pair):
    session = session_of(task, text_pair)
    for name, outputs in EXPECTED_OUTPUTS[task].items():
        definition = session.signatures[name]
        inputs = {
            key: np.zeros(
                [0, 1][: len(tensor.tensor_shape.dim)], tf.as_dtype(tensor.dtype).as_numpy_dtype
            )
            for key, tensor in definition.inputs.items()
        }
        answer = session.call(name, inputs)
        assert {key: len(value) for key, value in answer.items()} == dict.fromkeys(outputs, 0)


def test_refused_inputs(session_of):
    single, pair = session_of("single_label"), session_of("single_label", True)
    square = np.ones([2, 4], np.int32)
    tokens = {"token_ids": square, "segment_ids": square, "padding_mask": square}
    uneven = {"text": strings([b"a"] * 2), "text_pair": strings([b"b"])}
    for session, name, inputs, message in (
        (pair, "serving_default", uneven, "equally many"),
        (pair, "tokenize", uneven, "equally many"),
        (single, "classify", {"inputs": strings([b"\n broken"])}, "parse"),
        (single, "classify", {"inputs": strings([example(other=b"a")])}, "text"),
        (pair, "classify", {"inputs": strings([example(text=b"a")])}, "text_pair"),
        (single, "tokens", {**tokens, "padding_mask": square[:, :3]}, "padding_mask"),
        (single, "tokens", {**tokens, "segment_ids": square[:1]}, "segment_ids"),
        (single, "tokens", {**tokens, "token_ids": square * 1000}, "1000"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            session.call(name, inputs)


def test_a_scalar_is_refused_and_does_not_crash(exported):
    """In a process of its own, and fed past Python's checks as a server would."""
    program = """
import json, sys
import numpy as np, tensorflow as tf, tensorflow_text
from tensorflow.core.protobuf import config_pb2

def is_refused(session, definition):
    run = session._make_callable_from_options(
        config_pb2.CallableOptions(
            feed=[tensor.name for tensor in definition.inputs.values()],
            fetch=[tensor.name for tensor in definition.outputs.values()],
        )
    )
    def scalar(tensor):
        dtype = tf.as_dtype(tensor.dtype)
        return np.array(b"a", object) if dtype == tf.string else np.array(1, dtype.as_numpy_dtype)
    try:
        run(*map(scalar, definition.inputs.values()))
    except tf.errors.InvalidArgumentError:
        return True
    return False

refused = []
for folder in sys.argv[1:]:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta_graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], folder)
        for name, definition in meta_graph.signature_def.items():
            if not name.startswith("__") and is_refused(session, definition):
                refused.append(name)
print(json.dumps(refused))
"""
    cases = [("single_label", True), ("masked_lm", False)]
    done = subprocess.run(
        [sys.executable, "-c", program, *(str(exported(*case).folder) for case in cases)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    expected = [name for task, _ in cases for name in EXPECTED_OUTPUTS[task]]
    assert sorted(json.loads(done.stdout)) == sorted(expected)
