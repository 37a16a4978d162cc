"""Several heads on one encoder."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_encoders import predict, random_inputs, randomize, small_config

from keras_bert_cls.data.label_tree import LabelTree
from keras_bert_cls.modeling.adaptive_cutoffs import AdaptiveShape
from keras_bert_cls.modeling.encoder import build_encoder
from keras_bert_cls.modeling.head_settings import HeadSettings
from keras_bert_cls.modeling.models import classifier_model, masked_lm_model
from keras_bert_cls.modeling.multitask import Head, multitask_model, task_model
from keras_bert_cls.modeling.task_choice import MASKED_LM

HEADS = {"topic": Head(5), "tone": Head(1, dropout=0.0)}
ORDER = np.array([2, 0, 1], np.int32)
POSITIONS = np.array([[0, 8], [3, 15], [0, 0], [4, 2]], np.int32)


def test_each_task_is_the_model_that_it_would_be_alone(tmp_path):
    model = randomize(multitask_model(small_config(), HEADS, masked_lm=True))
    model.save(tmp_path / "model.keras")
    weights = {weight.path: weight for weight in model.weights}
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for task, head in HEADS.items():
        alone = classifier_model(small_config(), head.num_labels)
        for weight in alone.weights:
            weight.assign(weights[weight.path.replace("logits/", f"{task}_logits/")])
        expected = predict(alone, random_inputs())
        for joint in (model, loaded):
            found = predict(task_model(joint, task), random_inputs())
            assert found.keys() == expected.keys()
            for name, values in expected.items():
                np.testing.assert_array_equal(found[name], values)
    alone = masked_lm_model(small_config())
    for weight in alone.weights:
        weight.assign(weights[weight.path])
    inputs = {**random_inputs(), "mask_positions": POSITIONS}
    np.testing.assert_array_equal(
        predict(task_model(loaded, MASKED_LM), inputs)["logits"], predict(alone, inputs)["logits"]
    )


def test_heads_share_a_given_encoder():
    encoder = build_encoder(small_config())
    shared = {id(weight) for weight in encoder.weights}
    model = multitask_model(encoder, HEADS)
    assert shared <= {id(weight) for weight in model.weights}
    assert list(model.input) == list(encoder.input)
    own = {weight.path for weight in model.weights if id(weight) not in shared}
    assert own == {
        "topic_logits/kernel",
        "topic_logits/bias",
        "tone_logits/kernel",
        "tone_logits/bias",
    }


@pytest.mark.parametrize("masks", [0, 2])
def test_a_head_learns_from_its_own_loss_only(masks):
    model = randomize(multitask_model(small_config(), HEADS, masked_lm=True))
    inputs = {**random_inputs(), "mask_positions": POSITIONS[:, :masks]}
    with tf.GradientTape() as tape:
        outputs = model(inputs, training=True)
        assert outputs[MASKED_LM]["logits"].shape == (4, masks, 50)
        loss = sum(
            weight * tf.reduce_sum(outputs[task]["logits"] ** 2)
            for task, weight in {"topic": 1.0, "tone": 0.0, MASKED_LM: 1.0}.items()
        )
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    size = {
        variable.path: float(tf.norm(tf.convert_to_tensor(gradient)))
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True)
    }
    assert size["topic_logits/kernel"] > 0 and size["block_0/output/kernel"] > 0
    assert size["tone_logits/kernel"] == size["tone_logits/bias"] == 0
    assert (size["masked_lm_dense/kernel"] > 0) == (masks > 0)


def test_heads_of_every_kind_stand_side_by_side(tmp_path):
    settings = {
        "rank": HeadSettings("ordinal"),
        "path": HeadSettings("hierarchical", tree=LabelTree.from_labels(["a/b", "a/c", "d"], "/")),
        "word": HeadSettings("adaptive", adaptive=AdaptiveShape((1,), 2.0, ORDER)),
        "other_word": HeadSettings("adaptive", adaptive=AdaptiveShape((2,), 2.0, ORDER)),
    }
    heads = {task: Head(3, settings=setting) for task, setting in settings.items()}
    model = multitask_model(small_config(), heads)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    paths = [weight.path for weight in loaded.weights]
    assert len(set(paths)) == len(paths)
    for task in heads:
        assert any(path.startswith(f"{task}_") for path in paths)
        expected = predict(task_model(model, task), random_inputs())["logits"]
        # All of these give log-probabilities.
        np.testing.assert_allclose(np.exp(expected).sum(-1), 1, rtol=1e-5)
        found = predict(task_model(loaded, task), random_inputs())["logits"]
        np.testing.assert_array_equal(found, expected)
