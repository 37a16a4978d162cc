"""Rules of learning rate and decay, on the weights of real models."""

import pytest
from tiny_runs import tiny_encoder

from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.models import classifier_model, masked_lm_model
from keras_bert_cls.training.config import OptimizerConfig
from keras_bert_cls.training.parameter_rules import ParameterRule, default_rules, match_rules
from keras_bert_cls.training.run import make_optimizer


@pytest.fixture(scope="module")
def paths():
    """Paths of all weights that we ever train, by model."""
    encoder = tiny_encoder(vocabulary_size=30)
    models = {
        "classifier": classifier_model(encoder, 3),
        "masked_lm": masked_lm_model(encoder, pair_objective=True),
    }
    return {
        name: [variable.path for variable in model.trainable_variables]
        for name, model in models.items()
    }


@pytest.mark.parametrize("model", ["classifier", "masked_lm"])
def test_norms_and_biases_do_not_decay_and_matrices_do(paths, model):
    rules = match_rules(paths[model], default_rules(2, 0.01))
    decays = {path: rule.weight_decay for path, rule in zip(paths[model], rules, strict=True)}
    assert {rule.learning_rate for rule in rules} == {1.0}
    spared = [path for path, decay in decays.items() if decay == 0]
    assert {path.rsplit("/", 1)[-1] for path in spared} == {"bias", "gamma", "beta"}
    decayed = [path for path, decay in decays.items() if decay == 0.01]
    assert {path.rsplit("/", 1)[-1] for path in decayed} == {"kernel", "embeddings"}
    # Norms stand after the embeddings and twice in each of two blocks; the LM head has one more.
    assert sum(path.endswith("gamma") for path in spared) == (6 if model == "masked_lm" else 5)


@pytest.mark.parametrize("model", ["classifier", "masked_lm"])
def test_layer_decay_lowers_the_rate_from_the_top_down(paths, model):
    rules = match_rules(paths[model], default_rules(2, 0.01, layer_decay=0.5))
    flat = match_rules(paths[model], default_rules(2, 0.01))
    expected = {"block_1": 1.0, "block_0": 0.5, "embeddings_norm": 0.25}
    expected |= {f"{kind}_embedding": 0.25 for kind in ("token", "position", "segment")}
    seen = set()
    for path, rule, other in zip(paths[model], rules, flat, strict=True):
        layer = path.split("/")[0]
        seen.add(layer)
        assert rule.learning_rate == expected.get(layer, 1.0), path
        assert rule.weight_decay == other.weight_decay, path
    assert set(expected) < seen
    assert "pooler" in seen


def test_block_10_is_not_taken_for_block_1():
    paths = [f"block_{index}/output/kernel" for index in range(12)]
    paths += ["token_embedding/embeddings", "embeddings_norm/gamma", "x/bias", "block_1/x/bias"]
    paths += [f"block_{index}/output/bias" for index in range(12)]
    found = match_rules(paths, default_rules(12, 0.0, layer_decay=0.5))
    by_path = dict(zip(paths, found, strict=True))
    assert by_path["block_1/output/kernel"].learning_rate == 0.5**10
    assert by_path["block_10/output/kernel"].learning_rate == 0.5
    assert by_path["embeddings_norm/gamma"].learning_rate == 0.5**12


def test_the_users_rules_come_first():
    model = classifier_model(tiny_encoder(vocabulary_size=30), 3)
    config = OptimizerConfig(rules=(("^(token|position)_embedding", 0.0, 0.0), ("pooler", 3.0, 2)))
    trained = {variable.path for variable in make_optimizer(model, config).variables}
    every = {variable.path for variable in model.trainable_variables}
    assert every - trained == {"token_embedding/embeddings", "position_embedding/embeddings"}


def test_wrong_rules_name_the_pattern():
    paths = ["a/kernel", "b/bias"]
    with pytest.raises(UserError, match=r"'\(' is no regex"):
        match_rules(paths, [ParameterRule("(", 1.0, 0.0)])
    with pytest.raises(UserError, match=r"'kernal' matches no weight.*a/kernel, b/bias"):
        match_rules(paths, [ParameterRule("kernal", 1.0, 0.0), ParameterRule("", 1.0, 0.0)])
    with pytest.raises(UserError, match="no rule covers the weight 'b/bias'"):
        match_rules(paths, [ParameterRule("a/", 1.0, 0.0)])
