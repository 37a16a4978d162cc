"""Checkpoints of google-research/bert, written by TensorFlow in its names, against numpy."""

import json

import numpy as np
import pytest
import tensorflow as tf
from google_numpy_bert import head_logits, masked_lm_logits, pooled_output, sequence_output
from random_bert import (
    CASED_TOKENS,
    CONFIG,
    MASK_POSITIONS,
    PADDING_MASK,
    SEGMENT_IDS,
    TOKEN_IDS,
    TOKENS,
    random_weights,
    write_vocabulary,
)

from keras_bert_cls.checkpoints.import_checkpoint import import_checkpoint
from keras_bert_cls.checkpoints.source_vocabulary import has_capitals
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.vocabulary import Vocabulary

INPUTS = {"token_ids": TOKEN_IDS, "segment_ids": SEGMENT_IDS, "padding_mask": PADDING_MASK}


def write_checkpoint(folder, tensors, config=None, tokens=TOKENS, name="bert_model.ckpt"):
    """Writes a folder as Google published them: V2 files of a tf.compat.v1.train.Saver."""
    folder.mkdir(parents=True, exist_ok=True)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variables = [
            tf.compat.v1.get_variable(name, initializer=value) for name, value in tensors.items()
        ]
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver(variables)
        saver.save(session, str(folder / name), latest_filename="state", write_meta_graph=False)
    (folder / "state").unlink()
    (folder / "bert_config.json").write_text(json.dumps({**CONFIG, **(config or {})}))
    write_vocabulary(folder, tokens)
    return folder


def outputs_of(model):
    wanted = {**INPUTS, "mask_positions": MASK_POSITIONS}
    outputs = model({name: wanted[name] for name in model.input}, training=False)
    return {name: value.numpy() for name, value in outputs.items()}


def reference(weights):
    sequence = sequence_output(weights, CONFIG, TOKEN_IDS, SEGMENT_IDS, PADDING_MASK)
    return sequence, pooled_output(weights, sequence)


def test_pretraining_checkpoint_with_slots_of_the_optimizer(tmp_path):
    weights = random_weights(masked_lm=True, pairs=True)
    slots = {f"{name}/adam_{kind}": value for name, value in weights.items() for kind in "mv"}
    step = {"global_step": np.int64(1000)}
    imported = import_checkpoint(write_checkpoint(tmp_path, {**weights, **slots, **step}))
    sequence, pooled = reference(weights)
    outputs = outputs_of(imported.model)
    expected = masked_lm_logits(weights, sequence, MASK_POSITIONS)
    np.testing.assert_allclose(outputs["logits"], expected, atol=2e-5)
    expected = head_logits(weights, "cls/seq_relationship/", pooled)
    np.testing.assert_allclose(outputs["pair_logits"], expected, atol=1e-5)
    assert imported.ignored == {
        **dict.fromkeys(slots, "a slot of the optimizer"),
        "global_step": "the number of training steps",
    }
    assert imported.settings.task == "masked_lm"
    assert imported.settings.lowercase


def test_encoder_alone(tmp_path):
    weights = random_weights()
    outputs = outputs_of(import_checkpoint(write_checkpoint(tmp_path, weights)).model)
    sequence, pooled = reference(weights)
    real = PADDING_MASK[:, :, None]
    np.testing.assert_allclose(outputs["sequence_output"], sequence * real, atol=1e-5)
    np.testing.assert_allclose(outputs["pooled_output"], pooled, atol=1e-5)


def test_masked_lm_keeps_the_pooler(tmp_path):
    weights = random_weights(masked_lm=True)
    imported = import_checkpoint(write_checkpoint(tmp_path, weights))
    outputs = outputs_of(imported.model)
    np.testing.assert_allclose(outputs["pooled_output"], reference(weights)[1], atol=1e-5)
    assert not imported.ignored


def test_fine_tuned_classifier_by_the_files_name(tmp_path):
    weights = random_weights(labels=3)
    folder = write_checkpoint(tmp_path, weights, name="model.ckpt-77")
    expected = head_logits(weights, "", reference(weights)[1])
    for source in (folder, folder / "model.ckpt-77", folder / "model.ckpt-77.index"):
        imported = import_checkpoint(source, labels=("a", "b", "c"), text_pair=True)
        np.testing.assert_allclose(outputs_of(imported.model)["logits"], expected, atol=1e-5)
    assert imported.settings.labels == ("a", "b", "c")
    assert imported.settings.text_pair
    assert import_checkpoint(folder).settings.labels == ("0", "1", "2")
    with pytest.raises(UserError, match="expected 3 distinct labels, got 2: a, b"):
        import_checkpoint(folder, labels=("a", "b"))


def test_capitals_in_the_vocabulary_say_that_case_counts(tmp_path):
    config = {"vocab_size": len(CASED_TOKENS)}
    weights = random_weights({**CONFIG, **config})
    folder = write_checkpoint(tmp_path, weights, config, CASED_TOKENS)
    assert not import_checkpoint(folder).settings.lowercase
    assert import_checkpoint(folder, lowercase=True).settings.lowercase


@pytest.mark.parametrize(
    ("token", "cased"),
    [
        ("Word", True),
        ("##A", True),
        ("É", True),
        ("<S>", False),
        ("[unused1]", False),
        ("中", False),
    ],
)
def test_capitals(token, cased):
    assert has_capitals(Vocabulary((*TOKENS[:5], "word", token))) == cased


def test_what_users_get_wrong(tmp_path):
    weights = random_weights()
    folder = write_checkpoint(tmp_path / "a", weights, {"hidden_act": "tanh"})
    with pytest.raises(UserError, match="hidden_act must be one of gelu, relu, got 'tanh'"):
        import_checkpoint(folder)
    folder = write_checkpoint(tmp_path / "b", {**weights, "bert/what": np.zeros(3, np.float32)})
    with pytest.raises(UserError, match="of no known use:\n    bert/what\n"):
        import_checkpoint(folder)
    write_checkpoint(tmp_path / "c", weights, name="model.ckpt-1")
    folder = write_checkpoint(tmp_path / "c", weights, name="model.ckpt-2")
    with pytest.raises(UserError, match=r"several checkpoints: model\.ckpt-1, model\.ckpt-2"):
        import_checkpoint(folder)
    (folder / "vocab.txt").unlink()
    with pytest.raises(UserError, match=r"vocab\.txt is missing"):
        import_checkpoint(folder / "model.ckpt-1")
    damaged = write_checkpoint(tmp_path / "d", weights) / "bert_model.ckpt.index"
    damaged.write_bytes(b"not a table")
    with pytest.raises(UserError, match="could not be read as a checkpoint"):
        import_checkpoint(tmp_path / "d")
