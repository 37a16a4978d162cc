"""AdaptiveSoftmax against torch itself, on drawn sizes, weights and targets."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.modeling.adaptive_softmax import AdaptiveSoftmax

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", range(25))
def test_equals_torch_for_drawn_cases(seed):
    torch = pytest.importorskip("torch", reason="torch is no dependency; pip install torch")
    random = np.random.default_rng(seed)
    size, hidden_dim = int(random.integers(5, 2000)), int(random.integers(8, 40))
    cutoffs = sorted(random.choice(np.arange(1, size), random.integers(1, 4), replace=False))
    cutoffs = [int(cutoff) for cutoff in cutoffs]
    arguments = {"div_value": float(random.choice([1.0, 1.5, 2.0])), "head_bias": bool(seed % 2)}
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(hidden_dim, size, cutoffs, **arguments).double()
    ours = AdaptiveSoftmax(size, cutoffs, **arguments, dtype="float64")
    ours.build((None, hidden_dim))
    pairs: list[tuple[keras.Variable, torch.Tensor]] = [(ours.head, theirs.head.weight)]
    if ours.bias is not None:
        pairs.append((ours.bias, theirs.head.bias))
    for products, projection, tail in zip(theirs.tail, ours.projections, ours.tails, strict=True):
        pairs += [(projection, products[0].weight), (tail, products[1].weight)]
    for mine, weight in pairs:
        mine.assign(weight.detach().numpy())
    hidden = random.normal(0, 3, (64, hidden_dim))
    target = (size * random.uniform(size=64) ** 4).astype(np.int64)

    their_hidden = torch.tensor(hidden, requires_grad=True)
    output, loss = theirs(their_hidden, torch.tensor(target))
    loss.backward()
    our_hidden = tf.constant(hidden)
    with tf.GradientTape() as tape:
        tape.watch(our_hidden)
        losses = ours.loss(our_hidden, target)
        mean = tf.reduce_mean(losses)
    gradients = tape.gradient(mean, [our_hidden, *(mine.value for mine, _ in pairs)])

    def assert_equal(found, expected):
        np.testing.assert_allclose(found, expected.detach().numpy(), rtol=0, atol=1e-9)

    assert_equal(-losses, output)
    assert_equal(mean, loss)
    assert_equal(ours.log_prob(hidden), theirs.log_prob(torch.tensor(hidden)))
    assert_equal(ours.predict(hidden), theirs.predict(torch.tensor(hidden)))
    for found, expected in zip(gradients, [their_hidden, *(w for _, w in pairs)], strict=True):
        wanted = torch.zeros_like(expected) if expected.grad is None else expected.grad
        assert_equal(found, wanted)
