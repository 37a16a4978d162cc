"""Cuts a model's vocabulary down to what a corpus needs.

The idea is Abdaoui et al.'s, "Load What You Need", 2020, https://arxiv.org/abs/2010.05609.

Of texts all of whose words stand in the corpus, the smaller model gives the same outputs. Words it
does not know are split into other pieces than before, or become [UNK].
"""

import dataclasses
import sys
from collections.abc import Iterable, Iterator

import keras
import numpy as np

from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.output_softmax import adaptive_layer
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import SPECIAL_TOKENS, SUFFIX_INDICATOR, Vocabulary
from keras_bert_cls.text.word_counts import WordCounts

# Weights with a row for each token.
_BY_TOKEN = (
    "token_embedding/embeddings",
    "decoder_token_embedding/embeddings",
    "masked_lm_bias/bias",
    "decoder_bias/bias",
)


def trim_vocabulary(trained: TrainedModel, texts: Iterable[str]) -> TrainedModel:
    """Returns a copy of a model that knows only the tokens of some texts and the special ones.

    Args:
      trained: the model.
      texts: the corpus; all different words of it are held in memory.

    Raises:
      UserError: the vocabulary knows no word of the texts, or an adaptive softmax is over it.
    """
    if trained.settings.task == "masked_lm" and adaptive_layer(trained.model) is not None:
        raise UserError(
            "the vocabulary of a masked LM with an adaptive softmax cannot be cut: its clusters "
            "are made for these tokens. Fine-tune it first, or pretrain on the smaller vocabulary."
        )
    tokenizer = trained.tokenizer
    counts = WordCounts(tokenizer.lowercase, tokenizer.strip_accents, max_words=sys.maxsize)
    counts.add(texts)
    needed = set(SPECIAL_TOKENS)
    for word in counts.words:
        needed.update(_pieces(word, tokenizer.vocabulary))
    if len(needed) == len(SPECIAL_TOKENS):
        raise UserError(
            f"the vocabulary knows none of the {len(counts.words)} different words of the texts. "
            "Give texts of the kind that the model is for."
        )
    kept = [i for i, token in enumerate(tokenizer.vocabulary.tokens) if token in needed]
    vocabulary = Vocabulary(tuple(tokenizer.vocabulary.tokens[i] for i in kept))
    return dataclasses.replace(
        trained,
        model=_with_rows(trained.model, np.array(kept)),
        tokenizer=Tokenizer(vocabulary, tokenizer.lowercase, tokenizer.strip_accents),
    )


def _pieces(word: str, vocabulary: Vocabulary) -> Iterator[str]:
    """Yields the longest pieces that start a word, continue it, and so on.

    Where none goes on, the word is [UNK]. The pieces before are needed all the same: without them
    shorter ones might go through.
    """
    start = 0
    while start < len(word):
        prefix = SUFFIX_INDICATOR if start else ""
        ends = range(len(word), start, -1)
        end = next((end for end in ends if prefix + word[start:end] in vocabulary), None)
        if end is None:
            return
        yield prefix + word[start:end]
        start = end


def _with_rows(model: keras.Model, rows: np.ndarray) -> keras.Model:
    """Returns a copy of a model with some rows of its token embedding."""
    config = model.get_config()
    for layer in config["layers"]:
        layer.pop("build_config", None)  # holds shapes of the whole vocabulary
        if layer["name"] in ("token_embedding", "decoder_token_embedding"):
            layer["config"]["input_dim"] = len(rows)
    copy = type(model).from_config(config)
    values = {weight.path: weight.numpy() for weight in model.weights}
    for weight in copy.weights:
        value = values[weight.path]
        weight.assign(value[rows] if weight.path in _BY_TOKEN else value)
    return copy
