"""seq2seq_model: the encoder reads a text, a decoder writes another one."""

import keras

from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.decoder_block import DecoderBlock
from keras_bert_cls.modeling.decoder_config import DecoderConfig
from keras_bert_cls.modeling.dropout import Dropout
from keras_bert_cls.modeling.embedding_sum import EmbeddingSum
from keras_bert_cls.modeling.encoder import build_encoder, encoder_config
from keras_bert_cls.modeling.heads import OutputBias
from keras_bert_cls.modeling.positions import PlacesInRow, position_layer, positions_of


def seq2seq_model(
    encoder: keras.Model | EncoderConfig,
    decoder: DecoderConfig | None = None,
    name: str = "seq2seq",
) -> keras.Model:
    """Puts a Transformer decoder (Vaswani et al. 2017) behind an encoder.

    Args:
      encoder: what `build_encoder` returns, or a config to build one from.
      decoder: sizes and settings; the default ones if None.
      name: the model's name.

    Returns:
      A model from the encoder's inputs and decoder_token_ids, int32 [batch, target length], which
      begin with [CLS], to a dict of
        logits: float32 [batch, target length, vocabulary], of the token that comes next at each
          place; what they are behind the end of a row means nothing.

    Raises:
      UserError: a config is wrong, or the two do not go together.
    """
    decoder = DecoderConfig() if decoder is None else decoder
    if isinstance(encoder, EncoderConfig):
        encoder = build_encoder(encoder)
    config = encoder_config(encoder)
    decoder.validate(config)

    # === Inputs ===
    token_ids = keras.Input((None,), dtype="int32", name="decoder_token_ids")
    sequence_output = encoder.output["sequence_output"]
    padding_mask = encoder.input["padding_mask"]

    # === Embeddings ===
    token_embedding = _token_embedding(encoder, decoder)
    positions = position_layer(
        decoder.positions,
        decoder.max_length,
        config.hidden_dim,
        keras.initializers.TruncatedNormal(stddev=config.initializer_stddev),
        name="decoder_position_embedding",
    )
    places = PlacesInRow(name="decoder_places")(token_ids)
    x = EmbeddingSum(name="decoder_embeddings")([token_embedding(token_ids), positions(places)])
    x = _norm(config, "decoder_embeddings_norm")(x)
    x = Dropout(decoder.dropout, "row", name="decoder_embeddings_dropout")(x)

    # === Blocks ===
    for index in range(decoder.num_layers):
        block = DecoderBlock(
            hidden_dim=config.hidden_dim,
            num_heads=decoder.num_heads,
            intermediate_dim=decoder.intermediate_dim,
            activation=config.activation,
            norm=decoder.norm,
            dropout=decoder.dropout,
            attention_dropout=decoder.attention_dropout,
            layer_norm_epsilon=config.layer_norm_epsilon,
            initializer_stddev=config.initializer_stddev,
            name=f"decoder_block_{index}",
        )
        x = block(x, sequence_output=sequence_output, padding_mask=padding_mask)
    if decoder.norm == "pre":
        x = _norm(config, "decoder_norm")(x)

    # === Output ===
    logits = OutputBias(name="decoder_bias")(token_embedding(x, reverse=True))
    inputs = {**encoder.input, "decoder_token_ids": token_ids}
    return keras.Model(inputs, {"logits": logits}, name=name)


def decoder_blocks(model: keras.Model) -> list[DecoderBlock]:
    """Returns the decoder's blocks, the first one first; none if the model has no decoder."""
    return [layer for layer in model.layers if isinstance(layer, DecoderBlock)]


def decoder_config(model: keras.Model) -> DecoderConfig:
    """Returns the config of the decoder inside a model of `seq2seq_model`."""
    blocks, positions = decoder_blocks(model), model.get_layer("decoder_position_embedding")
    shared = ("num_heads", "intermediate_dim", "norm", "dropout", "attention_dropout")
    return DecoderConfig(
        num_layers=len(blocks),
        max_length=positions.input_dim,
        positions=positions_of(positions),
        tie_embeddings=not _has_own_embedding(model),
        **{name: blocks[0].settings[name] for name in shared},
    )


def decoder_token_embedding(model: keras.Model) -> keras.layers.ReversibleEmbedding:
    """Returns the embedding that the decoder reads and writes with."""
    own = "decoder_token_embedding" if _has_own_embedding(model) else "token_embedding"
    return model.get_layer(own)


def _has_own_embedding(model: keras.Model) -> bool:
    return any(layer.name == "decoder_token_embedding" for layer in model.layers)


def _token_embedding(
    encoder: keras.Model, decoder: DecoderConfig
) -> keras.layers.ReversibleEmbedding:
    if decoder.tie_embeddings:
        return encoder.get_layer("token_embedding")
    config = encoder_config(encoder)
    return keras.layers.ReversibleEmbedding(
        config.vocabulary_size,
        config.hidden_dim,
        tie_weights=True,
        embeddings_initializer=keras.initializers.TruncatedNormal(stddev=config.initializer_stddev),
        name="decoder_token_embedding",
    )


def _norm(config: EncoderConfig, name: str) -> keras.layers.LayerNormalization:
    return keras.layers.LayerNormalization(epsilon=config.layer_norm_epsilon, name=name)
