"""Training aids in the loop: pieces, going on from a checkpoint, nothing when they are off."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_loop import DECAY, batches, iterator, largest_difference, weights
from tiny_runs import finetune_config, write_files
from whole_runs import read_lines

from keras_bert_cls.modeling.dropout import Dropout
from keras_bert_cls.modeling.embedding_sum import EmbeddingSum
from keras_bert_cls.modeling.encoder import INPUT_NAMES
from keras_bert_cls.modeling.token_packing import PackTokens, UnpackTokens
from keras_bert_cls.training.adamw import AdamW
from keras_bert_cls.training.adversarial import AdversarialGradients
from keras_bert_cls.training.aids import compared, focal, gradients_of, passes_of, weight_average
from keras_bert_cls.training.finetune import finetune
from keras_bert_cls.training.focal_objective import FocalObjective
from keras_bert_cls.training.gradients import plain_gradients
from keras_bert_cls.training.loop import TrainingLoop
from keras_bert_cls.training.objectives import SingleLabelObjective
from keras_bert_cls.training.r_drop import RDropObjective, TwoPasses
from keras_bert_cls.training.weight_average import WeightAverage

AIDS = {
    "aids_r_drop": 1.0,
    "aids_adversarial_epsilon": 0.5,
    "aids_ema_decay": 0.9,
    "aids_focal_gamma": 2.0,
    "classes_sampling_exponent": 0.5,
}


def small_model() -> keras.Model:
    """A hidden layer on the sum of embeddings; always with the same first weights."""
    keras.utils.set_random_seed(0)
    inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in INPUT_NAMES}
    tokens = PackTokens(name="pack")(**inputs)
    # Named, since Keras' own names are numbered: that 10 sorts before 9 would swap their states.
    embedding = keras.layers.Embedding(11, 8, name="token_embedding")
    x = EmbeddingSum(name="embeddings")([embedding(tokens["token_ids"])])
    x = Dropout(0.2, "token", name="token_dropout")(x)
    x = UnpackTokens(name="unpack")(x, rows=tokens["rows"], slots=tokens["slots"])
    x = keras.layers.Dense(8, "tanh", name="hidden")(keras.ops.sum(x, axis=1))
    logits = keras.layers.Dense(3, name="logits")(Dropout(0.2, name="row_dropout")(x))
    return keras.Model(inputs, {"logits": logits})


def loop_with_aids(model, **settings) -> TrainingLoop:
    variables = model.trainable_variables
    inner = FocalObjective(SingleLabelObjective(0.0, [0.5, 1.0, 2.0]), "single_label", 2.0)
    optimizer = AdamW(variables, [DECAY] * len(variables))
    return TrainingLoop(
        tf.distribute.get_strategy(),
        model,
        optimizer,
        RDropObjective(inner, "single_label", 1.0),
        lambda step: tf.constant(0.01),
        clip_norm=0.5,
        forward=TwoPasses(model),
        differentiate=AdversarialGradients(0.5, packed=True),
        average=WeightAverage(optimizer.variables, 0.9),
        **settings,
    )


def averages(loop) -> list[np.ndarray]:
    return [average.numpy() for average in loop.state["averages"].values()]


@pytest.fixture(scope="module")
def whole():
    """Four updates on whole batches: what there was after two, weights and averages, a report."""
    model = small_model()
    loop = loop_with_aids(model)
    data = iterator(batches(4))
    loop.run(data, 2)
    saved = [variable.numpy() for variable in values_of(model, loop)]
    report = loop.run(data, 2)
    return saved, weights(model), averages(loop), report


def values_of(model, loop) -> list:
    return [*(v.value for v in model.trainable_variables), *tf.nest.flatten(loop.state)]


def test_pieces_change_no_result(whole):
    _, expected, expected_averages, expected_report = whole
    model = small_model()
    loop = loop_with_aids(model, accumulation=4)
    data = iterator(batches(4))
    loop.run(data, 2)
    report = loop.run(data, 2)
    np.testing.assert_allclose(report.losses, expected_report.losses, rtol=1e-5)
    assert report.gradient_norm == pytest.approx(expected_report.gradient_norm, rel=1e-4)
    assert largest_difference(weights(model), expected) < 1e-5
    assert largest_difference(averages(loop), expected_averages) < 1e-5
    assert largest_difference(averages(loop), weights(model)) > 1e-4


def test_going_on_from_saved_state_changes_nothing(whole):
    saved, expected, expected_averages, expected_report = whole
    model = small_model()
    loop = loop_with_aids(model)
    for variable, value in zip(values_of(model, loop), saved, strict=True):
        variable.assign(value)
    report = loop.run(iterator(batches(4), 2), 2)
    assert largest_difference(weights(model), expected) == 0.0
    assert largest_difference(averages(loop), expected_averages) == 0.0
    np.testing.assert_array_equal(report.losses, expected_report.losses)


def test_what_is_off_is_not_there(files):
    config, model = finetune_config(files), small_model()
    objective = SingleLabelObjective()
    assert passes_of(config, model) is model
    assert gradients_of(config, model) is plain_gradients
    assert weight_average(config, AdamW([], [])) is None
    assert focal(config, objective) is objective
    assert compared(config, objective) is objective
    loop = TrainingLoop(
        tf.distribute.get_strategy(), model, AdamW([], []), objective, lambda step: step
    )
    assert loop.state.keys() == {"step", "updates", "loss_scale", "moments"}


def test_what_could_be_moved_costs_nothing():
    layer, spec = EmbeddingSum(), tf.TensorSpec([None, 8])
    graph = tf.function(lambda *parts: layer(parts)).get_concrete_function(spec, spec, spec).graph
    work = {"Placeholder", "Identity", "NoOp"}
    assert [op.type for op in graph.get_operations() if op.type not in work] == ["AddV2", "AddV2"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    return folder


def test_a_run_scores_and_saves_the_averages(files, tmp_path):
    fields = {"train_steps": 6, "train_eval_every": 3, "encoder_num_layers": 1}
    config = finetune_config(files, **fields, data_test_files=(), aids_ema_decay=0.9)
    result = finetune(config, tmp_path)
    assert result is not None
    (best,) = (tmp_path / "checkpoints").glob("best-*")
    reader = tf.train.load_checkpoint(str(best / "state"))
    for variable in result.trained.model.trainable_variables:
        saved = variable.numpy()
        np.testing.assert_array_equal(saved, reader.get_tensor(f"averages/{variable.path}"))
        assert (saved != reader.get_tensor(f"weights/{variable.path}")).any()
    # What was judged while it trained is what was saved.
    lines = read_lines(tmp_path / "metrics.jsonl")
    losses = {line["step"]: line["loss"] for line in lines if line["kind"] == "dev"}
    step = int(best.name.removeprefix("best-"))
    assert result.scores["dev"].values["loss"] == pytest.approx(losses[step], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["multi_label", "regression"])
@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_other_tasks(files, tmp_path, task, precision):
    fields = dict(AIDS)
    del fields["classes_sampling_exponent"]
    if task == "regression":
        del fields["aids_focal_gamma"]
    column = {"multi_label": "labels", "regression": "value"}[task]
    config = finetune_config(
        files, data_task=task, data_label_column=column, train_precision=precision, **fields
    )
    result = finetune(config, tmp_path / "run")
    assert result is not None
    assert np.isfinite(result.scores["test"].values["loss"])
