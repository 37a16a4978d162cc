"""Functional models: the encoder and a head. Models made from one encoder share its weights."""

import keras

from keras_bert_cls.data.label_tree import LabelTree
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.activations import ACTIVATIONS
from keras_bert_cls.modeling.adaptive_head import adaptive_head
from keras_bert_cls.modeling.adaptive_softmax import AdaptiveSoftmax
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.dense_head import dense_head
from keras_bert_cls.modeling.dropout import Dropout
from keras_bert_cls.modeling.encoder import build_encoder, encoder_config, masked_encoder
from keras_bert_cls.modeling.head_settings import DENSE_HEAD, HeadSettings
from keras_bert_cls.modeling.heads import OutputBias
from keras_bert_cls.modeling.hierarchical_head import PathLogProbabilities, hierarchical_head
from keras_bert_cls.modeling.ordinal_head import LevelLogProbabilities, ordinal_head

# Each takes hidden states, the number of labels, HeadSettings and an initializer; gives the logits.
_HEADS = {
    "adaptive": adaptive_head,
    "dense": dense_head,
    "hierarchical": hierarchical_head,
    "ordinal": ordinal_head,
}


def masked_lm_model(
    encoder: keras.Model | EncoderConfig,
    pair_objective: bool = False,
    name: str = "masked_lm",
    adaptive: AdaptiveSoftmax | None = None,
) -> keras.Model:
    """Puts a masked-language-model head (Devlin et al. 2018) on an encoder.

    Args:
      encoder: what `build_encoder` or `masked_encoder` returns, or a config to build one from.
      pair_objective: also judge pairs of segments (next-sentence or sentence-order prediction).
      name: the model's name.
      adaptive: the output layer, for a large vocabulary (Grave et al. 2017); its labels are token
        ids. None is BERT's: the output matrix is the token embedding.

    Returns:
      A model from the encoder's inputs and mask_positions, int32 [batch, masks], to a dict of
        logits: float32 [batch, masks, vocabulary]; with `adaptive` they are log-probabilities, and
          graphs compute them only where something reads them, see `softmax_of`;
        head_input: [batch, masks, hidden], with `adaptive`: what its `loss` and `top_k` take;
        pair_logits: float32 [batch, 2], with the pair objective: in order or not.
    """
    if isinstance(encoder, EncoderConfig):
        encoder = build_encoder(encoder)
    encoder = masked_encoder(encoder)
    config = encoder_config(encoder)
    token_embedding = encoder.get_layer("token_embedding")
    x = keras.layers.Dense(
        config.hidden_dim,
        kernel_initializer=keras.initializers.TruncatedNormal(stddev=config.initializer_stddev),
        name="masked_lm_dense",
    )(encoder.output["masked_output"])
    x = keras.layers.Activation(ACTIVATIONS[config.activation], name="masked_lm_activation")(x)
    x = keras.layers.LayerNormalization(epsilon=config.layer_norm_epsilon, name="masked_lm_norm")(x)
    if adaptive is None:
        bias = OutputBias(name="masked_lm_bias")
        outputs = {"logits": bias(token_embedding(x, reverse=True))}
    else:
        _require_labels(adaptive, config.vocabulary_size, "tokens of the vocabulary")
        outputs = {"logits": adaptive(x), "head_input": x}
    if pair_objective:
        pair_head = keras.layers.Dense(2, dtype="float32", name="pair_logits")
        outputs["pair_logits"] = pair_head(encoder.output["pooled_output"])
    return keras.Model(encoder.input, outputs, name=name)


def classifier_model(
    encoder: keras.Model | EncoderConfig,
    num_labels: int,
    dropout: float = 0.1,
    name: str = "classifier",
    head: HeadSettings = DENSE_HEAD,
) -> keras.Model:
    """Puts a classification head on the pooled output of an encoder.

    The same model serves single-label (softmax over the logits), multi-label (a sigmoid each) and
    regression tasks (the logits are the values). The logits of hierarchical and ordinal heads are
    log-probabilities, which a softmax leaves as they are: to everything else these are single-label
    models. So are those of an adaptive head, but it is asked for less than all: see `softmax_of`.

    Args:
      encoder: what `build_encoder` returns, or a config to build one from.
      num_labels: logits a text.
      dropout: rate on the pooled output.
      name: the model's name.
      head: what makes logits of it.

    Returns:
      A model from the encoder's inputs to a dict of
        logits: float32 [batch, num_labels];
        pooled_output: float32 [batch, hidden];
        head_input: [batch, hidden], of an adaptive head.
    """
    if num_labels < 1:
        raise ValueError(f"num_labels must be at least 1, got {num_labels}")
    if isinstance(encoder, EncoderConfig):
        encoder = build_encoder(encoder)
    stddev = encoder_config(encoder).initializer_stddev
    pooled = encoder.output["pooled_output"]
    # A head draws the same dropout alone and beside others.
    stream = "classifier_dropout"
    x = Dropout(dropout, stream=stream, name=f"{head.prefix}{stream}")(pooled)
    initializer = keras.initializers.TruncatedNormal(stddev=stddev)
    logits = _HEADS[head.kind](x, num_labels, head, initializer)
    embedding = keras.layers.Activation("linear", dtype="float32", name=f"{head.prefix}embedding")(
        pooled
    )
    outputs = {"logits": logits, "pooled_output": embedding}
    if head.kind == "adaptive":
        outputs["head_input"] = x
    return keras.Model(encoder.input, outputs, name=name)


def head_settings(model: keras.Model) -> HeadSettings:
    """Returns the settings of a classifier's head; the nodes of its tree have no names."""
    for layer in model.layers:
        if isinstance(layer, PathLogProbabilities):
            tree = LabelTree((), tuple(layer.parents), tuple(layer.leaves))
            return HeadSettings("hierarchical", tree=tree)
        if isinstance(layer, LevelLogProbabilities):
            return HeadSettings("ordinal", level_shares=tuple(layer.shares))
        if isinstance(layer, AdaptiveSoftmax):
            return HeadSettings("adaptive", adaptive=layer.shape())
    return DENSE_HEAD


def _require_labels(layer: AdaptiveSoftmax, count: int, what: str) -> None:
    if layer.num_classes != count:
        raise UserError(
            f"the adaptive softmax must have a label for each of the {count} {what}, got "
            f"num_classes {layer.num_classes}"
        )
