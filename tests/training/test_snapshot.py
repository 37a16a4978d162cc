"""Copies of variables: bit for bit, of one moment, for the same variables only."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from keras_bert_cls.training.snapshot import MismatchError, Snapshot, flatten, read_snapshot

DTYPES = ("float32", "bfloat16", "float16", "float64", "int32", "int64", "uint8")


def random_bits(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Returns an array of any bits at all: infinities, subnormals, many a NaN."""
    kind = tf.dtypes.as_dtype(dtype).as_numpy_dtype
    count = int(np.prod(shape)) * np.dtype(kind).itemsize
    bits = np.random.default_rng(seed).integers(0, 256, count, np.uint8)
    return np.frombuffer(bits.tobytes(), kind).reshape(shape)


def save_and_read(folder, saved, read):
    Snapshot(0, saved).write(folder / "state")
    read_snapshot(folder / "state", read)


@hypothesis.settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(
    st.lists(
        st.tuples(
            st.sampled_from(DTYPES),
            st.lists(st.integers(0, 5), max_size=3).map(tuple),
            st.integers(0, 2**32 - 1),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_all_bits_come_back(tmp_path, kinds):
    arrays = {f"block_{n}/kernel": random_bits(*kind) for n, kind in enumerate(kinds)}
    saved = {name: tf.Variable(array) for name, array in arrays.items()}
    read = {name: tf.Variable(tf.zeros(v.shape, v.dtype)) for name, v in saved.items()}
    save_and_read(tmp_path, saved, read)
    reader = tf.train.load_checkpoint(str(tmp_path / "state"))
    for name, array in arrays.items():
        assert read[name].numpy().tobytes() == array.tobytes(), name
        assert np.asarray(reader.get_tensor(name)).tobytes() == array.tobytes(), name


def test_booleans_come_back(tmp_path):
    read = {"flags": tf.Variable([False] * 3)}
    save_and_read(tmp_path, {"flags": tf.Variable([True, False, True])}, read)
    assert read["flags"].numpy().tolist() == [True, False, True]


def test_updates_in_place_do_not_change_a_copy(tmp_path):
    shape = [300, 300]
    variables = {name: tf.Variable(tf.ones(shape)) for name in ("weight", "first", "second")}
    count = tf.Variable(7, dtype=tf.int64)
    table = tf.Variable(tf.ones(shape))
    everything = {**variables, "count": count, "table": table}

    @tf.function
    def update():
        handles = dict(zip(("var", "m", "v"), (v.handle for v in variables.values()), strict=True))
        powers = {"beta1_power": 0.9, "beta2_power": 0.9, "beta1": 0.9, "beta2": 0.9}
        tf.raw_ops.ResourceApplyAdam(
            **handles, **powers, lr=0.1, epsilon=1e-6, grad=tf.fill(shape, 3.0), use_locking=False
        )
        count.assign_add(1)
        table.scatter_sub(tf.IndexedSlices(tf.ones([1, 300]), tf.constant([3])))

    update()
    expected = {name: variable.numpy() for name, variable in everything.items()}
    snapshot = Snapshot(1, everything)
    update()
    for name, variable in everything.items():
        assert (variable.numpy() != expected[name]).any(), name
    snapshot.write(tmp_path / "state")
    read_snapshot(tmp_path / "state", everything)
    for name, variable in everything.items():
        np.testing.assert_array_equal(variable.numpy(), expected[name], err_msg=name)


def test_what_does_not_fit_is_named_and_nothing_is_read(tmp_path):
    saved = {f"old_{n}": tf.Variable(1.0) for n in range(5)}
    saved |= {
        "shape": tf.Variable(tf.ones([2, 3])),
        "dtype": tf.Variable(1),
        "same": tf.Variable(1),
    }
    read = {
        "new": tf.Variable(0.0),
        "shape": tf.Variable(tf.zeros([3, 2])),
        "dtype": tf.Variable(0.0),
        "same": tf.Variable(0),
    }
    with pytest.raises(MismatchError) as caught:
        save_and_read(tmp_path, saved, read)
    assert str(caught.value) == (
        "not in the checkpoint: new; "
        "not in the model: old_0, old_1, old_2 and 2 more; "
        "unlike: dtype (int32 [] in the checkpoint, float32 [] in the model), "
        "shape (float32 [2, 3] in the checkpoint, float32 [3, 2] in the model)"
    )
    assert all(float(tf.reduce_sum(tf.cast(v, tf.float32))) == 0 for v in read.values())


def test_names_are_paths():
    one, two, three = (tf.Variable(float(n)) for n in range(3))
    state = {
        "weights": {"block_0/kernel": one},
        "moments": {"first": {"kernel": two}},
        "step": three,
    }
    flat = flatten(state)
    assert list(flat) == ["weights/block_0/kernel", "moments/first/kernel", "step"]
    assert [id(variable) for variable in flat.values()] == [id(one), id(two), id(three)]


def test_names_are_unique():
    state = {"a": {"b/c": tf.Variable(0.0)}, "a/b": {"c": tf.Variable(0.0)}}
    with pytest.raises(ValueError, match="two variables of the state have the name a/b/c"):
        flatten(state)
