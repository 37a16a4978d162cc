"""Models whose vocabulary was cut down to a corpus."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_trained_models import SPECIAL_TOKENS, TOKENS, logits_of, make_trained_model

from keras_bert_cls.checkpoints.vocabulary_trimming import trim_vocabulary
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.encoder import encoder_config
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary

CORPUS = ["The movie was PLAYING, 很好.", "bad"]


@pytest.mark.parametrize("task", ["single_label", "masked_lm"])
def test_outputs_on_covered_texts_are_the_same(task, tmp_path):
    trained = make_trained_model(task)
    trimmed = trim_vocabulary(trained, CORPUS)
    assert trimmed.tokenizer.vocabulary.tokens == (
        *SPECIAL_TOKENS,
        *("the", "movie", "was", "bad", "play", "##ing", "很", "好", ",", "."),
    )
    assert encoder_config(trimmed.model).vocabulary_size == 15
    trimmed.save(tmp_path)
    restored = TrainedModel.load(tmp_path)
    texts = [*CORPUS, "playing the bad movie.", "好 was bad"]
    if task == "single_label":
        expected = logits_of(trained, texts)
        for model in (trimmed, restored):
            np.testing.assert_array_equal(logits_of(model, texts), expected)
        return
    kept = [TOKENS.index(token) for token in trimmed.tokenizer.vocabulary.tokens]
    inputs = {
        "token_ids": np.array([[2, 5, 8, 14, 3]], np.int32),
        "segment_ids": np.zeros((1, 5), np.int32),
        "padding_mask": np.ones((1, 5), np.int32),
        "mask_positions": np.array([[1, 3]], np.int32),
    }
    before = {**inputs, "token_ids": np.array(kept, np.int32)[inputs["token_ids"]]}
    expected = trained.model(before)["logits"].numpy()[:, :, kept]
    for model in (trimmed, restored):
        np.testing.assert_array_equal(model.model(inputs)["logits"].numpy(), expected)


WORDS = st.text("abc", min_size=1, max_size=7)
PIECES = st.lists(st.builds(str.__add__, st.sampled_from(["", "##"]), WORDS), unique=True)


@settings(max_examples=25, deadline=None)
@given(pieces=PIECES, words=st.lists(WORDS, min_size=1, max_size=6))
def test_words_are_split_as_before(pieces, words):
    """Also words that are [UNK], for which a smaller vocabulary might have found pieces."""
    trained = make_tiny(Vocabulary((*SPECIAL_TOKENS, "known", *pieces)))
    text = " ".join(["known", *words])
    trimmed = trim_vocabulary(trained, [text])
    assert trimmed.tokenizer.tokens_of(text) == trained.tokenizer.tokens_of(text)
    assert set(trimmed.tokenizer.vocabulary.tokens) <= set(trained.tokenizer.vocabulary.tokens)


def test_a_corpus_of_strange_words():
    with pytest.raises(UserError, match="knows none of the 2 different words"):
        trim_vocabulary(make_trained_model("regression"), ["zzz yyy", "zzz"])


def make_tiny(vocabulary):
    """A model that is a token embedding alone."""
    token_ids = keras.Input((None,), dtype="int32")
    embedding = keras.layers.Embedding(len(vocabulary), 2, name="token_embedding")
    model = keras.Model(token_ids, embedding(token_ids))
    return TrainedModel(model, Tokenizer(vocabulary), ModelSettings("encoder"))
