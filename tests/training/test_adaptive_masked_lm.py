"""Pretraining with an adaptive softmax over the vocabulary, from the run to the export."""

import collections
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from plain_masked_lm import likeliest, log_shares, mask_predict, token_scores
from tiny_runs import (
    LABELS,
    VOCABULARY,
    finetune_config,
    pretrain_config,
    tiny_encoder,
    write_files,
)
from unread_scores import computed_scores

import keras_bert_cls as kbc
from keras_bert_cls.checkpoints.huggingface_export import export_to_huggingface
from keras_bert_cls.checkpoints.vocabulary_trimming import trim_vocabulary
from keras_bert_cls.data.config import PretrainingData
from keras_bert_cls.data.pack import pack
from keras_bert_cls.data.pretraining_rows import build_pretraining_store
from keras_bert_cls.data.token_counts import packed_token_counts, store_token_counts
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.adaptive_softmax import AdaptiveSoftmax
from keras_bert_cls.modeling.models import masked_lm_model
from keras_bert_cls.modeling.output_softmax import adaptive_layer, computed_logits, softmax_of
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.training.adaptive_config import AdaptiveConfig
from keras_bert_cls.training.config_check import check_config
from keras_bert_cls.training.evaluate_run import ScoredFiles, evaluate_run
from keras_bert_cls.training.finetune import finetune
from keras_bert_cls.training.pretrain import pretrain

ADAPTIVE = {
    "output": "adaptive",
    "adaptive": AdaptiveConfig((4, 9), 2.0),
    "encoder_num_layers": 1,
}
TEXTS = ["the film [MASK] great", "[MASK] 电 [MASK] awful", ""]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write_files(folder)
    return folder


@pytest.fixture(scope="module")
def run(files, tmp_path_factory):
    """A finished run, its folder, and the scores of all tokens that were computed for it."""
    folder = tmp_path_factory.mktemp("run")
    config = pretrain_config(
        files,
        data_dev_files=(f"{files}/prose.txt",),
        train_steps=40,
        train_eval_every=40,
        **ADAPTIVE,
    )
    with pytest.MonkeyPatch.context() as patch, computed_scores(patch) as computed:
        trained = pretrain(config, folder)
    return trained, folder, computed


def metrics(folder, kind):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def test_learns_without_the_scores_of_all_tokens(run):
    trained, folder, computed = run
    assert computed == []
    train, (dev,) = metrics(folder, "train"), metrics(folder, "dev")
    assert train[-1]["loss"] < 0.95 * train[0]["loss"]
    assert dev["masked_accuracy"] > 0
    assert computed_logits(trained.model) == 6
    assert trained.model.count_params() == sum(int(np.prod(w.shape)) for w in trained.model.weights)


def test_tokens_are_ordered_by_their_counts(run, files):
    trained, _, _ = run
    text = (files / "prose.txt").read_text()
    counts = collections.Counter(text.split())
    order = adaptive_layer(trained.model).label_order.numpy()
    assert sorted(order) == list(range(len(VOCABULARY)))
    found = [counts[VOCABULARY[token]] for token in order]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0 == found[-1]


def test_is_scored_alike_afterwards(run, files):
    _, folder, _ = run
    (dev,) = metrics(folder, "dev")
    scores = evaluate_run(folder, ScoredFiles((f"{files}/prose.txt",))).values
    assert scores == pytest.approx({name: dev[name] for name in scores}, abs=1e-6)


def test_the_outputs_agree_with_the_scores_of_all_tokens(run):
    model = run[0].model
    random = np.random.default_rng(0)
    inputs = {
        "token_ids": random.integers(0, len(VOCABULARY), (3, 9), np.int32),
        "segment_ids": np.zeros((3, 9), np.int32),
        "padding_mask": np.ones((3, 9), np.int32),
        "mask_positions": np.array([[1, 4], [2, 2], [8, 0]], np.int32),
    }
    outputs, softmax = model(inputs), softmax_of(model)
    logits = outputs["logits"].numpy().astype(np.float64)
    np.testing.assert_allclose(np.exp(logits).sum(-1), 1, atol=1e-5)
    target = random.integers(0, len(VOCABULARY), (3, 2))
    expected = -np.take_along_axis(logits, target[..., np.newaxis], axis=-1)[..., 0]
    np.testing.assert_allclose(softmax.losses(outputs, target), expected, atol=1e-5)
    np.testing.assert_array_equal(softmax.predict(outputs), logits.argmax(-1))
    top = softmax.top_k(outputs, 5)
    np.testing.assert_allclose(
        top.probabilities, np.sort(np.exp(logits))[..., : -5 - 1 : -1], atol=1e-6
    )


@pytest.fixture(scope="module")
def export(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    kbc.export_saved_model(run[0], folder, warmup=False)
    return kbc.MaskedLM.load(folder)


def test_the_export_fills_scores_and_infills_by_the_definition(run, export):
    trained, folder, _ = run
    of_run = kbc.MaskedLM.load(folder)
    filled = export.fill_mask(TEXTS)
    for text, answer, same in zip(TEXTS, filled, of_run.fill_mask(TEXTS), strict=True):
        assert answer.text == same.text
        assert len(answer.masks) == text.count("[MASK]")
    scores = export.score(TEXTS)
    for text, score, same in zip(TEXTS, scores, of_run.score(TEXTS), strict=True):
        expected = token_scores(trained, text)
        assert score.num_tokens == len(expected)
        assert score.log_likelihood == pytest.approx(sum(expected), abs=1e-4)
        assert same.log_likelihood == pytest.approx(score.log_likelihood, abs=1e-4)
    for text, infilled in zip(TEXTS, export.infill(TEXTS), strict=True):
        tokens, shares = mask_predict(trained, text, 10, likeliest(trained))
        assert list(infilled.tokens) == tokens
        assert infilled.probabilities == pytest.approx(shares, abs=1e-4)


def test_candidates_are_the_likeliest_tokens(run, export):
    (answer,) = export.fill_mask(["the [MASK] was"])
    names = run[0].tokenizer.vocabulary.tokens
    token_ids = [names.index(name) for name in ("[CLS]", "the", "[MASK]", "was", "[SEP]")]
    (shares,) = np.exp(log_shares(run[0], token_ids, [2]))
    best = np.argsort(-shares)[:5]
    assert [candidate.token for candidate in answer.masks[0]] == [names[index] for index in best]
    found = [candidate.probability for candidate in answer.masks[0]]
    np.testing.assert_allclose(found, shares[best], atol=1e-5)


def test_scoring_and_filling_compute_no_scores_of_all_tokens(run, monkeypatch):
    with computed_scores(monkeypatch) as computed:
        language_model = kbc.MaskedLM.load(run[1])
        language_model.score(TEXTS)
        language_model.fill_mask(TEXTS)
        assert computed == []


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_same_weights(files, tmp_path):
    """The order of the tokens is not in the checkpoints: it follows from the data."""
    config = pretrain_config(files, train_steps=8, **ADAPTIVE)
    whole = pretrain(config, tmp_path)
    (tmp_path / "model.keras").unlink()
    *_, last = sorted((tmp_path / "checkpoints").glob("step-*"))
    shutil.rmtree(last)
    resumed = pretrain(config, tmp_path)
    for one, other in zip(whole.model.weights, resumed.model.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)


@pytest.mark.slow
def test_runs_start_from_one_another(files, tmp_path, run):
    trained, folder, _ = run
    common = {"train_steps": 1, "optimizer_learning_rate": 1e-9, "init_from": str(folder)}
    tied = pretrain(pretrain_config(files, **common), tmp_path / "tied")
    assert adaptive_layer(tied.model) is None
    again = pretrain(pretrain_config(files, **common, **ADAPTIVE), tmp_path / "again")
    classifier = finetune(finetune_config(files, **common), tmp_path / "classifier").trained
    assert len(classifier.settings.labels) == len(LABELS)
    there = {weight.path: weight.numpy() for weight in trained.model.weights}
    for model, shared in ((tied.model, "masked_lm_dense/kernel"), (classifier.model, "block_0/")):
        found = [weight for weight in model.weights if weight.path.startswith(shared)]
        assert found
        for weight in found:
            np.testing.assert_allclose(weight.numpy(), there[weight.path], atol=1e-6)
    for weight in again.model.weights:
        np.testing.assert_allclose(weight.numpy(), there[weight.path], atol=1e-6)


@pytest.mark.slow
def test_mixed_precision_and_accumulation(files, tmp_path):
    losses = []
    for precision, accumulation in (("float32", 1), ("float32", 2), ("mixed_bfloat16", 1)):
        config = pretrain_config(
            files,
            train_steps=4,
            train_log_every=4,
            train_precision=precision,
            train_accumulation=accumulation,
            **ADAPTIVE,
        )
        folder = tmp_path / f"{precision}{accumulation}"
        pretrain(config, folder)
        losses.append(metrics(folder, "train")[-1]["loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert losses[2] == pytest.approx(losses[0], rel=2e-2)


def test_packed_shards_are_counted(files, tmp_path):
    tokenizer = Tokenizer.from_vocab(files / "vocab.txt")
    data = PretrainingData(files=(f"{files}/prose.txt",), max_length=16)
    pack(tmp_path / "packed", data, tokenizer)
    store = build_pretraining_store(tmp_path / "store", data.files, data, tokenizer)
    expected = store_token_counts(store, tokenizer.vocabulary)
    found = packed_token_counts(tmp_path / "packed", tokenizer)
    assert expected.sum() > 0
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"adaptive": AdaptiveConfig((4, 9))}, "--config.adaptive is given, but output is not"),
        ({"output": "adaptiv"}, "--config.output must be one of .*'adaptive'"),
        ({"output": "adaptive", "adaptive": AdaptiveConfig((9, 4))}, "cutoffs must increase"),
        ({"output": "adaptive", "adaptive": AdaptiveConfig((4, 9), 4.0)}, "hidden_dim of 16 or"),
        (
            {"output": "adaptive", "train_jit_compile": True, "encoder_pack_tokens": False},
            "jit_compile is not for an adaptive softmax",
        ),
    ],
)
def test_wrong_configs(files, fields, message):
    with pytest.raises(UserError, match=message):
        check_config(pretrain_config(files, **fields))


def test_cutoffs_beyond_the_vocabulary_are_found_before_the_data_is_read(files, tmp_path):
    wide = {"output": "adaptive", "adaptive": AdaptiveConfig((4, 999), 2.0)}
    with pytest.raises(UserError, match="cutoffs must be one or more"):
        pretrain(pretrain_config(files, **wide), tmp_path)
    assert not (tmp_path / "data").exists()


def test_what_an_adaptive_head_is_refused_for(run, tmp_path):
    with pytest.raises(UserError, match="no adaptive softmax"):
        export_to_huggingface(TrainedModel.load(run[1]), tmp_path / "hf")
    with pytest.raises(UserError, match="clusters are"):
        trim_vocabulary(run[0], ["the film"])
    with pytest.raises(UserError, match="a label for each of the 20 tokens"):
        masked_lm_model(tiny_encoder(vocabulary_size=20), adaptive=AdaptiveSoftmax(21, [5], 2.0))


def test_the_file_loads_alone(run):
    model = keras.saving.load_model(run[1] / "model.keras")
    layer = adaptive_layer(model)
    np.testing.assert_array_equal(layer.label_order, adaptive_layer(run[0].model).label_order)
    assert tf.as_dtype(layer.label_order.dtype) == tf.int32
