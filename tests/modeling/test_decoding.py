"""Decoding against the model without a cache and against searches written in plain Python."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from small_encoders import random_inputs
from small_seq2seq import VOCABULARY, all_inputs, shallow_model, small_model

from keras_bert_cls.modeling.cached_decoder import CachedDecoder, select_rows
from keras_bert_cls.modeling.decoder_config import GenerationConfig
from keras_bert_cls.modeling.decoding import Generator
from keras_bert_cls.modeling.encoder import INPUT_NAMES
from keras_bert_cls.modeling.nucleus import draw_token, uniform_numbers

MAX_LENGTH = 12
START, END = VOCABULARY.cls_id, VOCABULARY.sep_id
NEVER = [VOCABULARY.pad_id, VOCABULARY.unk_id, VOCABULARY.cls_id, VOCABULARY.mask_id]


class Uncached:
    """The model as it is: each token costs a run over all before it."""

    def __init__(self, model, inputs, row):
        self.inputs = {name: values[row] for name, values in inputs.items()}
        self.run = in_graph(model)

    def log_probabilities(self, outputs: list[tuple[int, ...]]) -> np.ndarray:
        """[outputs, vocabulary], of the tokens after outputs of equal lengths."""
        ids = np.array([(START, *written) for written in outputs], np.int32)
        source = {name: np.tile(v, (len(outputs), 1)) for name, v in self.inputs.items()}
        logits = self.run({**source, "decoder_token_ids": ids}).numpy()[:, -1].astype(np.float64)
        logits[:, NEVER] = -np.inf
        return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)


@functools.cache
def in_graph(model):
    """Returns what gives the logits of a model: one graph for inputs of all shapes."""
    spec = {name: tf.TensorSpec([None, None], tf.int32) for name in model.input}
    return tf.function(lambda inputs: model(inputs)["logits"], input_signature=[spec])


def penalty(length: int, alpha: float) -> float:
    return ((5 + length) / 6) ** alpha


def greedy(uncached, alpha, max_length=MAX_LENGTH):
    written, total = (), 0.0
    while len(written) < max_length and written[-1:] != (END,):
        (values,) = uncached.log_probabilities([written])
        written += (int(values.argmax()),)
        total += values.max()
    return written, total / penalty(len(written), alpha)


def beam(uncached, beams, alpha, max_length=MAX_LENGTH):
    """Goes on to the longest length, whatever has ended by then."""
    opened, ended = [((), 0.0)], []
    for length in range(1, max_length + 1):
        grown = []
        continued = uncached.log_probabilities([written for written, _ in opened])
        for (written, total), values in zip(opened, continued, strict=True):
            grown += [((*written, t), total + v) for t, v in enumerate(values) if v > -np.inf]
        grown.sort(key=lambda one: -one[1])
        grown = grown[: 2 * beams]
        ended += [(w, t / penalty(length, alpha)) for w, t in grown if w[-1] == END]
        opened = [one for one in grown if one[0][-1] != END][:beams]
    best = [(w, t / penalty(len(w), alpha)) for w, t in opened[:1]]
    return max(ended or best, key=lambda one: one[1])


def generate(model, inputs, eagerly=False, **settings):
    """Returns the tokens of each row, without padding, and the scores."""
    generate, in_graph = generating(model, tuple(settings.items()))
    outputs = (generate if eagerly else in_graph)(
        {name: tf.constant(values) for name, values in inputs.items()}
    )
    rows = [tuple(row[row != VOCABULARY.pad_id].tolist()) for row in outputs.token_ids.numpy()]
    return rows, outputs.scores.numpy()


@functools.cache
def generating(model, settings):
    """Returns what generates, eagerly and as one graph for inputs of all shapes."""
    generator = Generator(CachedDecoder(model), VOCABULARY, GenerationConfig(**dict(settings)))
    spec = {name: tf.TensorSpec([None, None], tf.int32) for name in INPUT_NAMES}
    return generator.generate, tf.function(generator.generate, input_signature=[spec])


@pytest.fixture(scope="module")
def ending():
    """A model whose outputs end at different lengths: [SEP] is a little likelier than the rest."""
    model = shallow_model(seed=17)
    bias = model.get_layer("decoder_bias").bias
    values = bias.numpy()
    values[END] += 2.0
    bias.assign(values)
    return model


@pytest.mark.parametrize("kind", [{}, {"norm": "pre", "positions": "sinusoidal"}], ids=str)
@pytest.mark.parametrize("pieces", [[1] * 7, [3, 1, 3]], ids=str)
def test_cached_logits_are_the_models(kind, pieces):
    model, inputs = small_model(**kind), all_inputs()
    expected = model(inputs)["logits"].numpy()
    decoder = CachedDecoder(model)
    reading = decoder.read(inputs)
    written, found, start = decoder.nothing_written(reading), [], 0
    for size in pieces:
        part = inputs["decoder_token_ids"][:, start : start + size]
        logits, written = decoder.extend(tf.constant(part), written, reading)
        found.append(logits.numpy())
        start += size
    np.testing.assert_allclose(np.concatenate(found, axis=1), expected, rtol=0, atol=1e-5)


def test_rows_of_the_cache_can_be_chosen():
    model, inputs = small_model(), all_inputs()
    decoder = CachedDecoder(model)
    reading = decoder.read(inputs)
    ids = inputs["decoder_token_ids"]
    _, written = decoder.extend(ids[:, :3], decoder.nothing_written(reading), reading)
    order = [2, 2, 0, 1]
    twice = decoder.read({name: values[order] for name, values in inputs.items()})
    logits, _ = decoder.extend(ids[:, 3:4], select_rows(written, tf.constant(order)), twice)
    mixed = np.concatenate([ids[order, :3], ids[:, 3:4]], axis=1)
    chosen = {name: values[order] for name, values in inputs.items()}
    expected = model({**chosen, "decoder_token_ids": mixed})["logits"][:, -1:]
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_greedy_is_the_uncached_one(ending):
    inputs, alpha = random_inputs(), 0.6
    rows, scores = generate(ending, inputs, method="greedy")
    assert len({len(row) for row in rows}) > 1
    for row in range(4):
        expected, score = greedy(Uncached(ending, inputs, row), alpha)
        assert rows[row] == expected
        assert scores[row] == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize(("beams", "alpha"), [(1, 0.0), (3, 1.0)])
def test_beam_search_is_the_plain_one(ending, beams, alpha):
    inputs = random_inputs()
    rows, scores = generate(ending, inputs, method="beam", beams=beams, length_penalty=alpha)
    for row in range(4):
        expected, score = beam(Uncached(ending, inputs, row), beams, alpha)
        assert rows[row] == expected
        assert scores[row] == pytest.approx(score, abs=1e-4)


def test_beam_search_where_nothing_ends():
    model = shallow_model(seed=4)
    bias = model.get_layer("decoder_bias").bias
    values = bias.numpy()
    values[END] = -50.0
    bias.assign(values)
    inputs = random_inputs()
    rows, scores = generate(model, inputs, method="beam", beams=2, max_length=5)
    for row in range(4):
        expected, score = beam(Uncached(model, inputs, row), 2, 0.6, max_length=5)
        assert len(expected) == 5 and END not in expected
        assert rows[row] == expected
        assert scores[row] == pytest.approx(score, abs=1e-4)


def test_more_beams_than_a_row_can_have_open(ending):
    rows, scores = generate(ending, random_inputs(), method="beam", beams=40, max_length=2)
    assert all(1 <= len(row) <= 2 for row in rows) and np.isfinite(scores).all()


@pytest.mark.parametrize("method", ["greedy", "beam", "top_p"])
def test_special_tokens_are_never_written_and_the_length_is_bounded(method):
    model = shallow_model(seed=9)
    bias = model.get_layer("decoder_bias").bias
    values = bias.numpy()
    values[NEVER] += 30.0
    bias.assign(values)
    rows, _ = generate(model, random_inputs(), method=method, max_length=6)
    assert not {token for row in rows for token in row} & set(NEVER)
    assert all(len(row) <= 6 for row in rows)


@pytest.mark.parametrize("method", ["greedy", "beam", "top_p"])
def test_an_output_does_not_depend_on_its_batch(ending, method):
    inputs = random_inputs()
    together, scores = generate(ending, inputs, method=method)
    for row, length in enumerate((9, 16, 1, 5)):
        alone = {name: values[row : row + 1, :length] for name, values in inputs.items()}
        found, score = generate(ending, alone, method=method)
        assert found == [together[row]]
        assert score[0] == pytest.approx(scores[row], abs=1e-4)
    none, scores = generate(ending, {k: v[:0] for k, v in inputs.items()}, method=method)
    assert none == [] and scores.shape == (0,)


def test_eager_code_gives_the_same(ending):
    inputs = {name: values[:2] for name, values in random_inputs().items()}
    rows, scores = generate(ending, inputs, method="beam", max_length=3)
    found, others = generate(ending, inputs, eagerly=True, method="beam", max_length=3)
    assert found == rows
    np.testing.assert_allclose(others, scores, atol=1e-5)


def test_drawing_depends_on_the_seed_only(ending):
    inputs = random_inputs()
    settings = {"method": "top_p", "temperature": 3.0, "top_p": 1.0}
    first, _ = generate(ending, inputs, **settings, seed=1)
    assert generate(ending, inputs, **settings, seed=1)[0] == first
    assert generate(ending, inputs, **settings, seed=2)[0] != first


def test_a_small_nucleus_is_greedy(ending):
    inputs = random_inputs()
    drawn, scores = generate(ending, inputs, method="top_p", top_p=1e-6)
    expected, others = generate(ending, inputs, method="greedy")
    assert drawn == expected
    np.testing.assert_allclose(scores, others, atol=1e-6)


def test_tokens_are_drawn_as_often_as_they_should():
    shares = np.array([0.05, 0.4, 0.15, 0.3, 0.1])
    nucleus = np.array([0.0, 0.4, 0.15, 0.3, 0.0]) / 0.85  # the fewest with at least 0.8
    count = 20_000
    logits = tf.constant(np.tile(np.log(shares), (count, 1)), tf.float32)
    ids = tf.range(count)[:, tf.newaxis]
    uniform = uniform_numbers(ids, tf.ones_like(ids), 2, seed=3)
    assert np.corrcoef(uniform.numpy().T)[0, 1] == pytest.approx(0, abs=0.03)
    drawn = draw_token(logits, uniform[:, 1], top_p=0.8, temperature=1.0).numpy()
    found = np.bincount(drawn, minlength=5) / count
    np.testing.assert_allclose(found, nucleus, atol=4 * np.sqrt(0.25 / count))
    sharper = nucleus_at(shares, temperature=0.5)
    drawn = draw_token(logits, uniform[:, 0], top_p=1.0, temperature=0.5).numpy()
    found = np.bincount(drawn, minlength=5) / count
    np.testing.assert_allclose(found, sharper, atol=4 * np.sqrt(0.25 / count))


def nucleus_at(shares, temperature):
    scaled = shares ** (1 / temperature)
    return scaled / scaled.sum()


def test_rounding_at_the_end_of_the_distribution_draws_nothing_outside():
    logits = tf.math.log(tf.constant([[0.2, 0.3, 0.5]]))
    almost_one = tf.constant([1 - 2**-24])
    assert draw_token(logits, almost_one, 0.5, 1.0).numpy().tolist() == [2]
    assert draw_token(logits, almost_one, 1.0, 1.0).numpy().tolist() == [0]
