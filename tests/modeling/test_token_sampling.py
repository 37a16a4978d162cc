"""Temperature, top-k and top-p: what may be drawn, and how often."""

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.modeling.token_sampling import Sampling, sample_tokens

# TensorFlow takes subnormal numbers for 0, so that they would tie with it.
LOGITS = st.lists(
    st.one_of(st.floats(-8, 8, width=32, allow_subnormal=False), st.just(float("-inf"))),
    min_size=1,
    max_size=12,
).filter(lambda values: max(values) > -np.inf)


def draw(logits, uniform, temperature=1.0, top_k=0, top_p=1.0):
    """Draws from logits [tokens], once for each of uniform."""
    ids = sample_tokens(
        tf.tile(tf.constant(logits, tf.float32)[None, None], [1, len(uniform), 1]),
        Sampling(tf.constant([temperature]), tf.constant([top_k]), tf.constant([top_p])),
        tf.constant([uniform], tf.float32),
    )
    return ids.numpy()[0]


def expected_shares(logits, temperature, top_k, top_p):
    """The distribution by its definition, in float64; ties count for the first token."""
    scaled = np.array(logits, np.float64) / temperature
    order = sorted(range(len(logits)), key=lambda token: (-scaled[token], token))
    order = order[: top_k or len(order)]
    shares = np.exp(scaled[order] - scaled[order[0]])
    shares /= shares.sum()
    kept, total = [], 0.0
    for token, share in zip(order, shares, strict=True):
        if total >= top_p:
            break
        kept.append((token, share))
        total += share
    result = np.zeros(len(logits))
    for token, share in kept:
        result[token] = share / total
    return result


@given(LOGITS, st.floats(0.25, 3, width=32), st.integers(0, 14), st.floats(0.0625, 1, width=32))
@settings(max_examples=60, deadline=None)
def test_tokens_are_drawn_as_often_as_they_are_likely(logits, temperature, top_k, top_p):
    expected = expected_shares(logits, temperature, top_k, top_p)
    # Evenly spaced numbers hit each token as often as its share, up to one at each end of it.
    count = 2000
    uniform = (np.arange(count) + 0.5) / count
    ids = draw(logits, uniform, temperature, top_k, top_p)
    found = np.bincount(ids, minlength=len(logits)) / count
    total = np.cumsum(sorted(expected_shares(logits, temperature, top_k, 1.0))[::-1])
    if np.abs(total - top_p).min() > 1e-4:  # else rounding decides whether one more is inside
        np.testing.assert_allclose(found, expected, atol=2 / count + 1e-4)
        assert not found[expected == 0].any()
    assert not found[np.isneginf(logits)].any()


@given(LOGITS, st.floats(0, 1, exclude_max=True, width=32), st.integers(0, 14))
@settings(max_examples=30, deadline=None)
def test_temperature_0_and_top_k_1_take_the_likeliest(logits, uniform, top_k):
    best = int(np.argmax(np.array(logits, np.float32)))
    assert draw(logits, [uniform], temperature=0.0, top_k=top_k) == [best]
    assert draw(logits, [uniform], top_k=1) == [best]
    assert draw(logits, [uniform], top_p=1e-6) == [best]


def test_the_ends_of_the_distribution():
    highest = float(np.nextafter(np.float32(1), np.float32(0)))
    for logits in ([0.0, -90.0, -200.0], [-np.inf, 3.0], [5.0] * 7):
        first, last = draw(logits, [0.0, highest])
        assert logits[first] == max(logits)
        assert logits[last] > -100


def test_each_text_has_its_own_settings():
    logits = tf.tile(tf.constant([[[3.0, 2.0, 1.0, 0.0]]]), [4, 1, 1])
    sampling = Sampling(
        tf.constant([0.0, 1.0, 1.0, 100.0]),
        tf.constant([0, 2, 0, 0]),
        tf.constant([1.0, 1.0, 0.9, 1.0]),
    )
    ids = sample_tokens(logits, sampling, tf.fill([4, 1], 0.99))
    assert ids.numpy()[:, 0].tolist() == [0, 1, 2, 3]
    alone = [
        sample_tokens(
            logits[:1], Sampling(*(v[r : r + 1] for v in sampling)), tf.fill([1, 1], 0.99)
        )
        for r in range(4)
    ]
    assert [ids.numpy()[0, 0] for ids in alone] == [0, 1, 2, 3]
