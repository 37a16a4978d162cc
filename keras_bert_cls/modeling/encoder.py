"""The one encoder that every model shares."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

import keras

from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.dropout import Dropout
from keras_bert_cls.modeling.embedding_sum import EmbeddingSum
from keras_bert_cls.modeling.positions import position_layer, positions_of
from keras_bert_cls.modeling.token_packing import PackTokens, UnpackTokens
from keras_bert_cls.modeling.transformer_block import TransformerBlock

_ENCODER_WEIGHT = re.compile(r"(token|position|segment)_embedding/|embeddings_norm/|block_\d+/")
_BLOCK = re.compile(r"block_(\d+)/")

INPUT_NAMES = ("token_ids", "segment_ids", "padding_mask")
MASK_POSITIONS = "mask_positions"


def build_encoder(config: EncoderConfig, name: str = "encoder") -> keras.Model:
    """Builds a BERT encoder as a Keras functional model.

    Args:
      config: sizes and settings.
      name: the model's name.

    Returns:
      A model from a dict of token_ids, segment_ids, padding_mask, int32 [batch, length] each, to a
      dict of
        sequence_output: [batch, length, hidden], 0 at padding;
        pooled_output: [batch, hidden], tanh of a dense layer on the first token.

    Raises:
      UserError: the config is wrong; the message lists every problem.
    """
    config.validate()
    return _connect({layer.name: layer for layer in _layers(config)}, name)


def encoder_on_layers_of(model: keras.Model) -> keras.Model:
    """Returns the encoder inside a model of ours that has a pooler; they share their weights."""
    return _connect({layer.name: layer for layer in model.layers}, "encoder")


def masked_encoder(encoder: keras.Model) -> keras.Model:
    """Returns an encoder on an encoder's layers, or itself if it is one, that also takes
    mask_positions, int32 [batch, masks], and gives masked_output, [batch, masks, hidden]: these
    tokens of sequence_output. The last block computes no others for it.
    """
    if MASK_POSITIONS in encoder.input:
        return encoder
    return _connect({layer.name: layer for layer in encoder.layers}, encoder.name, masks=True)


def _connect(
    layers: Mapping[str, keras.layers.Layer], name: str, masks: bool = False
) -> keras.Model:
    names = (*INPUT_NAMES, MASK_POSITIONS) if masks else INPUT_NAMES
    inputs = {key: keras.Input((None,), dtype="int32", name=key) for key in names}
    tokens = layers["pack_tokens"](**{key: inputs[key] for key in INPUT_NAMES})
    places = {"rows": tokens["rows"], "slots": tokens["slots"]}

    # === Embeddings ===
    x = layers["embeddings"](
        [
            layers["token_embedding"](tokens["token_ids"]),
            layers["position_embedding"](tokens["positions"]),
            layers["segment_embedding"](tokens["segment_ids"]),
        ]
    )
    x = layers["embeddings_dropout"](layers["embeddings_norm"](x))

    # === Blocks ===
    *blocks, last = [layer for layer in layers.values() if isinstance(layer, TransformerBlock)]
    for block in blocks:
        x = block(x, **places)

    # === Outputs ===
    # A call of the last block for each: a model that reads one of them computes that one only.
    sequence_output = UnpackTokens(name="sequence_output")(last(x, **places), **places)
    pooled_output = layers["pooler"](last(x, **places, first_only=True))
    outputs = {"sequence_output": sequence_output, "pooled_output": pooled_output}
    if masks:
        outputs["masked_output"] = last(x, **places, positions=inputs[MASK_POSITIONS])
    return keras.Model(inputs, outputs, name=name)


def _layers(config: EncoderConfig) -> Iterator[keras.layers.Layer]:
    """Makes the layers of an encoder that have weights or settings."""

    def initializer() -> keras.Initializer:
        return keras.initializers.TruncatedNormal(stddev=config.initializer_stddev)

    hidden_dim = config.hidden_dim
    yield PackTokens(pack=config.pack_tokens, name="pack_tokens")
    yield keras.layers.ReversibleEmbedding(
        config.vocabulary_size,
        hidden_dim,
        tie_weights=True,
        embeddings_initializer=initializer(),
        name="token_embedding",
    )
    yield position_layer(
        config.positions,
        config.max_sequence_length,
        hidden_dim,
        initializer(),
        name="position_embedding",
    )
    yield keras.layers.Embedding(
        config.num_segments,
        hidden_dim,
        embeddings_initializer=initializer(),
        name="segment_embedding",
    )
    yield EmbeddingSum(name="embeddings")
    yield keras.layers.LayerNormalization(epsilon=config.layer_norm_epsilon, name="embeddings_norm")
    per = "token" if config.pack_tokens else "position"
    yield Dropout(config.dropout, per, name="embeddings_dropout")
    for index in range(config.num_layers):
        yield TransformerBlock(
            hidden_dim=hidden_dim,
            num_heads=config.num_heads,
            intermediate_dim=config.intermediate_dim,
            activation=config.activation,
            dropout=config.dropout,
            attention_dropout=config.attention_dropout,
            layer_norm_epsilon=config.layer_norm_epsilon,
            initializer_stddev=config.initializer_stddev,
            pack_tokens=config.pack_tokens,
            name=f"block_{index}",
        )
    yield keras.layers.Dense(
        hidden_dim, activation="tanh", kernel_initializer=initializer(), name="pooler"
    )


def encoder_config(model: keras.Model) -> EncoderConfig:
    """Returns the config of the encoder inside a model of ours."""
    token_embedding = model.get_layer("token_embedding")
    blocks = [layer for layer in model.layers if isinstance(layer, TransformerBlock)]
    return EncoderConfig(
        vocabulary_size=token_embedding.input_dim,
        num_layers=len(blocks),
        max_sequence_length=model.get_layer("position_embedding").input_dim,
        positions=positions_of(model.get_layer("position_embedding")),
        num_segments=model.get_layer("segment_embedding").input_dim,
        **blocks[0].settings,
    )


def copy_shared_weights(
    source: keras.Model, target: keras.Model, blocks: Sequence[int] | None = None
) -> None:
    """Copies the weights that two models of ours have in common: the encoder, and like heads.

    The pooler and the layers of heads stay as they are where the source has none like them: all
    weights of such a layer are taken, or none.

    Args:
      source: where the weights come from.
      target: where they go.
      blocks: for each block of the target the source's block that it takes, counted from 0; None
        takes equal ones.

    Raises:
      ValueError: a weight of the encoder is missing in the source or has another shape; nothing
        was copied then.
    """
    there = {variable.path: variable for variable in source.weights}
    matches = []
    for of_layer in _by_layer(target.weights):
        found = [there.get(_source_path(variable.path, blocks)) for variable in of_layer]
        pairs = list(zip(of_layer, found, strict=True))
        unlike = [one for one, other in pairs if other is None or other.shape != one.shape]
        if not unlike:
            matches += pairs
        elif _ENCODER_WEIGHT.match(unlike[0].path):
            raise ValueError(
                f"the source model has no weight {unlike[0].path} of shape {unlike[0].shape}"
            )
    for variable, match in matches:
        variable.assign(match)


def _by_layer(weights: Sequence[keras.Variable]) -> list[list[keras.Variable]]:
    """Returns the weights of each layer of a model, as its weights stand one after the other."""
    groups = itertools.groupby(weights, lambda variable: variable.path.partition("/")[0])
    return [list(group) for _, group in groups]


def _source_path(path: str, blocks: Sequence[int] | None) -> str:
    block = _BLOCK.match(path)
    if blocks is None or block is None:
        return path
    return f"block_{blocks[int(block[1])]}/{path[block.end() :]}"
