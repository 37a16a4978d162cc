"""A trained sequence-to-sequence model of one layer each, with random weights."""

from random_weights import draw_weights
from tiny_trained_models import TOKENS

from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.decoder_config import DecoderConfig, GenerationConfig
from keras_bert_cls.modeling.seq2seq import seq2seq_model
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary

MAX_LENGTH = 6


def make_seq2seq_model(**generation) -> TrainedModel:
    """Returns a model that writes at most 6 tokens; see GenerationConfig."""
    encoder = EncoderConfig(
        vocabulary_size=len(TOKENS),
        hidden_dim=8,
        num_layers=1,
        num_heads=2,
        intermediate_dim=16,
        max_sequence_length=16,
    )
    decoder = DecoderConfig(num_layers=1, num_heads=2, intermediate_dim=16, max_length=MAX_LENGTH)
    model = seq2seq_model(encoder, decoder)
    draw_weights(model, seed=7)
    return TrainedModel(
        model,
        Tokenizer(Vocabulary(TOKENS)),
        ModelSettings("seq2seq", max_length=16),
        generation=GenerationConfig(**generation),
    )
