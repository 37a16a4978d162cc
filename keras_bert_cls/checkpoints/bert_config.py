"""The encoder's config as bert_config.json and transformers' config.json give it."""

from collections.abc import Mapping

from keras_bert_cls.checkpoints.json_config import JsonConfig
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.config import EncoderConfig


def read_encoder_config(config: JsonConfig, activations: Mapping[str, str]) -> EncoderConfig:
    """Returns the encoder that a config describes.

    Args:
      config: the fields of google-research/bert's BertConfig, whose names transformers kept.
      activations: our name of each value that hidden_act may have.

    Raises:
      UserError: a field is missing or wrong.
    """
    activation = config.get("hidden_act", str, "gelu")
    if activation not in activations:
        raise UserError(
            f"{config.path}: hidden_act must be one of {', '.join(activations)}, got {activation!r}"
        )
    encoder = EncoderConfig(
        vocabulary_size=config.required("vocab_size", int),
        hidden_dim=config.required("hidden_size", int),
        num_layers=config.required("num_hidden_layers", int),
        num_heads=config.required("num_attention_heads", int),
        intermediate_dim=config.required("intermediate_size", int),
        max_sequence_length=config.get("max_position_embeddings", int, 512),
        num_segments=config.get("type_vocab_size", int, 2),
        activation=activations[activation],
        dropout=config.get("hidden_dropout_prob", float, 0.1),
        attention_dropout=config.get("attention_probs_dropout_prob", float, 0.1),
        layer_norm_epsilon=config.get("layer_norm_eps", float, 1e-12),
        initializer_stddev=config.get("initializer_range", float, 0.02),
    )
    encoder.validate()
    return encoder
