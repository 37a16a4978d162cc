"""Small sequence-to-sequence models with random weights, and inputs for them."""

import keras
import numpy as np
from small_encoders import random_inputs, randomize, small_config

from keras_bert_cls.modeling.decoder_config import DecoderConfig
from keras_bert_cls.modeling.seq2seq import seq2seq_model
from keras_bert_cls.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary(
    ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{index}" for index in range(45)))
)


def small_decoder(**changes) -> DecoderConfig:
    sizes = {"num_layers": 2, "num_heads": 2, "intermediate_dim": 24, "max_length": 12}
    return DecoderConfig(**{**sizes, "dropout": 0.0, "attention_dropout": 0.0, **changes})


def small_model(seed: int = 0, positions: str = "learned", **changes) -> keras.Model:
    encoder = small_config(positions=positions)
    model = seq2seq_model(encoder, small_decoder(positions=positions, **changes))
    return randomize(model, seed)


def shallow_model(seed: int = 0) -> keras.Model:
    """Returns a model of one block each, which is quick to trace."""
    return randomize(seq2seq_model(small_config(num_layers=1), small_decoder(num_layers=1)), seed)


def decoder_ids(rows: int = 4, length: int = 7, seed: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 50, (rows, length), np.int32)


def all_inputs(length: int = 7, **settings) -> dict[str, np.ndarray]:
    inputs = random_inputs(**settings)
    return {**inputs, "decoder_token_ids": decoder_ids(len(inputs["token_ids"]), length)}
