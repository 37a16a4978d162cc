"""What a run takes over of another one's encoder."""

import numpy as np
import pytest
from tiny_runs import VOCABULARY, finetune_config, pretrain_config, tiny_encoder, write_files

from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.models import classifier_model, masked_lm_model
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary
from keras_bert_cls.training.starting_point import starting_point

BLOCKS = 4


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A folder of a classifier with four blocks, and its weights."""
    folder = tmp_path_factory.mktemp("source")
    encoder = tiny_encoder(num_layers=BLOCKS, vocabulary_size=len(VOCABULARY))
    model = classifier_model(encoder, 3)
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape))
    settings = ModelSettings("single_label", ("bad", "good", "so"))
    TrainedModel(model, Tokenizer(Vocabulary(VOCABULARY)), settings).save(folder)
    return folder, {weight.path: weight.numpy() for weight in model.weights}


@pytest.mark.parametrize("layers", [(), (0,), (1, 3), (0, 1, 2, 3)])
@pytest.mark.parametrize("config_of", [finetune_config, pretrain_config])
def test_chosen_blocks(tmp_path, source, layers, config_of):
    write_files(tmp_path)
    folder, there = source
    config = config_of(tmp_path, init_from=str(folder), init_layers=layers)
    start = starting_point(config)
    taken = layers or range(BLOCKS)
    assert start.encoder.num_layers == len(taken)
    make = classifier_model if config_of is finetune_config else masked_lm_model
    model = start.give_weights(make(start.encoder, 3))
    checked = set()
    for weight in model.weights:
        place, _, rest = weight.path.partition("/")
        if place.startswith("block_"):
            block = taken[int(place.removeprefix("block_"))]
            np.testing.assert_array_equal(weight, there[f"block_{block}/{rest}"])
        elif "embedding" in place:
            np.testing.assert_array_equal(weight, there[weight.path])
        checked.add(place)
    assert {f"block_{index}" for index in range(len(taken))} < checked
    if config_of is finetune_config:  # a like head comes along
        logits = [weight for weight in model.weights if weight.path == "logits/kernel"]
        np.testing.assert_array_equal(logits[0], there["logits/kernel"])


def test_a_block_that_is_not_there(tmp_path, source):
    config = finetune_config(tmp_path, init_from=str(source[0]), init_layers=(0, 4))
    with pytest.raises(UserError, match=r"names block 4, but the encoder of .* has 4 blocks, 0 to"):
        starting_point(config)
