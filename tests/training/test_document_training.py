"""The training loop on documents: dropout by place of windows, and what is counted."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_runs import finetune_config

from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.document_config import DocumentConfig
from keras_bert_cls.modeling.document_encoder import document_encoder
from keras_bert_cls.modeling.encoder import build_encoder
from keras_bert_cls.modeling.models import classifier_model
from keras_bert_cls.training.adamw import AdamW
from keras_bert_cls.training.config_check import check_config
from keras_bert_cls.training.loop import TrainingLoop
from keras_bert_cls.training.objectives import SingleLabelObjective
from keras_bert_cls.training.parameter_rules import ParameterRule

STEPS, ROWS, LENGTH = 4, 8, 48
WINDOW, STEP = 12, 7


def batches() -> dict[str, np.ndarray]:
    """Batches of documents; the last row of each is padding."""
    random = np.random.default_rng(2)
    lengths = random.integers(2, LENGTH + 1, (STEPS, ROWS))
    lengths[:, -1] = 0
    mask = (np.arange(LENGTH) < lengths[..., np.newaxis]).astype(np.int32)
    return {
        "token_ids": random.integers(0, 20, mask.shape).astype(np.int32),
        "segment_ids": np.zeros(mask.shape, np.int32),
        "padding_mask": mask,
        "sample_weight": (lengths > 0).astype(np.float32),
        "target": random.integers(0, 3, (STEPS, ROWS)).astype(np.int32),
        "step": np.arange(STEPS, dtype=np.int64),
    }


def train(data, accumulation: int, pack_tokens: bool):
    """Trains from the same weights each time, with dropout; returns the report and the weights."""
    config = finetune_config(
        "",
        encoder_vocabulary_size=20,
        encoder_num_layers=1,
        encoder_pack_tokens=pack_tokens,
        encoder_dropout=0.3,
    ).encoder
    keras.utils.set_random_seed(0)
    encoder = document_encoder(build_encoder(config), DocumentConfig(WINDOW, 3, "attention"))
    model = classifier_model(encoder, 3, dropout=0.3)
    variables = model.trainable_variables
    loop = TrainingLoop(
        tf.distribute.get_strategy(),
        model,
        AdamW(variables, [ParameterRule("", 1.0, 0.0)] * len(variables)),
        SingleLabelObjective(),
        lambda step: tf.constant(0.02),
        accumulation=accumulation,
    )
    report = loop.run(iter(tf.data.Dataset.from_tensor_slices(data)), STEPS)
    return report, {variable.path: variable.numpy() for variable in variables}


@pytest.fixture(scope="module")
def packed():
    """What training in one piece gives."""
    return train(batches(), 1, pack_tokens=True)


def test_pieces_draw_what_the_whole_batch_does(packed):
    compare(packed, train(batches(), 4, pack_tokens=True))


@pytest.mark.slow
def test_pieces_draw_what_the_whole_batch_does_with_padding():
    compare(*(train(batches(), pieces, pack_tokens=False) for pieces in (1, 4)))


def compare(one, other) -> None:
    (whole, expected), (cut, found) = one, other
    np.testing.assert_allclose(cut.losses, whole.losses, atol=1e-6)
    assert cut.sums == pytest.approx(whole.sums, rel=1e-6)
    for path, values in expected.items():
        np.testing.assert_allclose(found[path], values, atol=1e-5, err_msg=path)
    assert np.abs(found["pool_windows/query"]).max() > 1e-3  # it learns


def test_windows_are_counted(packed):
    (report, _), data, lengths = packed, batches(), []
    for count in data["padding_mask"].sum(axis=-1).ravel().tolist():
        starts = range(0, max(1, count - WINDOW + STEP), STEP) if count else ()
        lengths += [min(WINDOW, count - start) for start in starts]
    assert report.sums["rows"] == STEPS * (ROWS - 1)
    assert report.sums["sequences"] == len(lengths)
    assert report.sums["tokens"] == sum(lengths)
    assert report.sums["token_pairs"] == sum(length**2 for length in lengths)


def problems(**fields) -> str:
    with pytest.raises(UserError) as caught:
        check_config(finetune_config("", **fields))
    return str(caught.value)


def test_configs():
    good = {"documents_window_length": 8, "documents_overlap": 2, "data_max_length": 5000}
    check_config(finetune_config("", **good))
    found = problems(
        **{**good, "documents_window_length": 32},
        data_text_pair_column="other",
        train_jit_compile=True,
        encoder_pack_tokens=False,
    )
    assert "documents: window_length is 32, but the encoder has 24 positions" in found
    assert "documents: windows are of one text, but data.text_pair_column names a second" in found
    assert "documents: windows differ in number from batch to batch: set train.jit_c" in found
    assert "documents: data.max_length is 8: every text fits a window of 8 tokens" in problems(
        **{**good, "data_max_length": 8}
    )
    assert "documents: overlap must be in [0, 6)" in problems(**{**good, "documents_overlap": 6})
    assert "documents: pooling is given, but window_len" in problems(documents_pooling="max")
