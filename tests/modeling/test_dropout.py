"""Dropout by place."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.dropout import Dropout, DropoutPlace, dropout_at
from keras_bert_cls.modeling.encoder import build_encoder


def place(seed=1, step=0, **where) -> DropoutPlace:
    nowhere = dict.fromkeys(DropoutPlace._fields[2:], 0)
    return DropoutPlace(tf.constant(seed), tf.constant(step, tf.int64), **{**nowhere, **where})


def dropped(layer, x, **where) -> np.ndarray:
    with dropout_at(place(**where)):
        return layer(tf.constant(x), training=True).numpy()


@pytest.mark.parametrize("per", ["row", "sequence", "token", "position"])
@pytest.mark.parametrize("shape", [(20, 6), (20, 3, 8, 8)])
def test_replicas_draw_what_one_device_would(per, shape):
    layer, x = Dropout(0.3, per), np.ones(shape, np.float32)
    whole = dropped(layer, x)
    parts = [dropped(layer, x[i : i + 5], **{per: i}) for i in range(0, 20, 5)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert not np.array_equal(parts[0], parts[1])


@pytest.mark.parametrize("per", ["token", "position"])
def test_some_of_a_list_draw_what_they_would_draw_in_it(per):
    layer, x = Dropout(0.4, per), np.ones((20, 6), np.float32)
    whole, places = dropped(layer, x, **{per: 3}), [7, 0, 7, 19]
    with dropout_at(place(**{per: 3})):
        some = layer(tf.constant(x[places]), places=tf.constant(places), total=20, training=True)
    np.testing.assert_array_equal(some, whole[places])


def test_the_rate_and_the_mean_are_kept():
    for rate in (0.1, 0.5, 0.9):
        out = dropped(Dropout(rate), np.ones((500, 400), np.float32))
        assert abs((out == 0).mean() - rate) < 0.005
        assert abs(out.mean() - 1) < 0.02
        assert len(np.unique(out)) == 2


def test_layers_steps_and_seeds_differ():
    x = np.ones((50, 40), np.float32)
    layers = [Dropout(0.5, name=name) for name in ("one", "other")]
    outs = [dropped(layers[0], x), dropped(layers[1], x)]
    outs += [dropped(layers[0], x, step=1), dropped(layers[0], x, seed=2)]
    for i, one in enumerate(outs):
        for other in outs[:i]:
            assert 0.4 < ((one == 0) == (other == 0)).mean() < 0.6


def test_the_gradient_has_the_same_mask():
    layer, x = Dropout(0.4), tf.ones([30, 7])
    with tf.GradientTape() as tape, dropout_at(place()):
        tape.watch(x)
        out = layer(x, training=True)
    np.testing.assert_array_equal(tape.gradient(out, x), out)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_draws_the_same_mask(dtype):
    x = np.ones((30, 7), np.float32)
    half = dropped(Dropout(0.4, dtype=dtype, name="d"), x)
    np.testing.assert_array_equal(half == 0, dropped(Dropout(0.4, name="d"), x) == 0)
    assert half.dtype == dtype.removeprefix("mixed_")


def test_elsewhere_it_is_keras_dropout():
    layer, x = Dropout(0.5), np.ones((50, 40), np.float32)
    one, other = layer(x, training=True).numpy(), layer(x, training=True).numpy()
    assert not np.array_equal(one, other)
    np.testing.assert_array_equal(layer(x, training=False), x)
    np.testing.assert_array_equal(dropped(Dropout(0.0), x), x)
    with dropout_at(place()):
        np.testing.assert_array_equal(layer(x, training=False), x)


def test_is_saved_with_what_its_axis_counts(tmp_path):
    inputs = keras.Input((4,))
    keras.Model(inputs, Dropout(0.2, "token", name="drop")(inputs)).save(tmp_path / "m.keras")
    layer = keras.saving.load_model(tmp_path / "m.keras").get_layer("drop")
    assert type(layer) is Dropout and layer.rate == 0.2
    assert (layer.per, layer.stream) == ("token", "drop")


@pytest.mark.parametrize("pack_tokens", [True, False])
def test_two_halves_of_a_batch_equal_the_whole_encoder(pack_tokens):
    config = EncoderConfig(
        vocabulary_size=30, hidden_dim=8, num_layers=2, num_heads=2, intermediate_dim=12,
        max_sequence_length=16, dropout=0.3, attention_dropout=0.3, pack_tokens=pack_tokens,
    )  # fmt: skip
    encoder = build_encoder(config)
    random = np.random.default_rng(0)
    lengths = np.array([3, 8, 5, 1, 7, 8])
    mask = (np.arange(8) < lengths[:, np.newaxis]).astype(np.int32)
    batch = {
        "token_ids": random.integers(1, 30, (6, 8)).astype(np.int32) * mask,
        "segment_ids": np.zeros((6, 8), np.int32),
        "padding_mask": mask,
    }
    with dropout_at(place()):
        whole = encoder(batch, training=True)
    parts = []
    for start in (0, 3):
        tokens = int(lengths[:start].sum())
        with dropout_at(place(sequence=start, token=tokens, position=start * 8)):
            part = {name: values[start : start + 3] for name, values in batch.items()}
            parts.append(encoder(part, training=True))
    for name, values in whole.items():
        joined = np.concatenate([part[name] for part in parts])
        np.testing.assert_allclose(joined, values, rtol=1e-5, atol=1e-5)
    plain = encoder(batch, training=False)["sequence_output"]
    assert not np.allclose(plain, whole["sequence_output"], atol=0.05)
