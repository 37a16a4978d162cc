"""Worker: updates of a classifier, or a masked LM like it, by our training loop."""

import dataclasses
import os

from benchmarks.our_loop import make_loop, timed_updates
from benchmarks.peers.worker_loop import answer_requests

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

_loaded: dict = {}


def load(
    folder: str,
    precision: str = "float32",
    pack_tokens: bool = True,
    lazy_embeddings: bool = False,
    whole_last_block: bool = False,
    masked_lm: bool = False,
    stock_gradients: bool = False,
) -> None:
    """Loads a run's model.

    Args:
      folder: of the run.
      precision: a policy of Keras.
      pack_tokens: see EncoderConfig.
      lazy_embeddings: see OptimizerConfig.
      whole_last_block: see `rebuilt` and `masked_lm_like`.
      masked_lm: train a masked LM of the same size instead.
      stock_gradients: let Keras and TensorFlow make gelu, norms, dropout and their gradients.
    """
    from keras_bert_cls.modeling.trained_model import TrainedModel
    from keras_bert_cls.training.objectives import MaskedLMObjective, SingleLabelObjective
    from keras_bert_cls.training.run import with_precision

    def build():
        if masked_lm:
            return masked_lm_like(trained.model, whole_last_block)
        return rebuilt(trained.model, pack_tokens, whole_last_block)

    if stock_gradients:
        use_stock_gradients()
    trained = TrainedModel.load(folder)
    model = with_precision(precision, build)
    objective = MaskedLMObjective() if masked_lm else SingleLabelObjective()
    _loaded["loop"] = make_loop(model, objective, lazy_embeddings)
    _loaded["trained"], _loaded["model"], _loaded["masked_lm"] = trained, model, masked_lm


def use_stock_gradients() -> None:
    """Takes our ways of training gelu, norms and dropout out of the package."""
    import keras
    import tensorflow as tf

    from keras_bert_cls.modeling import activations, dropout, layer_norm

    def chosen(inputs, kept, scale):
        return tf.where(kept, inputs * tf.cast(scale, inputs.dtype), tf.zeros([], inputs.dtype))

    activations.activated = lambda x, activation, training: activation(x)
    dropout.dropped = chosen
    layer_norm.LayerNorm.call = lambda self, inputs, training=None: (
        keras.layers.LayerNormalization.call(self, inputs)
    )


def rebuilt(model, pack_tokens: bool = True, whole_last_block: bool = False):
    """Returns a classifier like another in Keras' present policy.

    Args:
      model: the other.
      pack_tokens: see EncoderConfig.
      whole_last_block: let the last block compute all tokens, though the head reads the first.
    """
    import keras

    from keras_bert_cls.modeling.encoder import build_encoder, encoder_config
    from keras_bert_cls.modeling.models import classifier_model

    encoder = build_encoder(dataclasses.replace(encoder_config(model), pack_tokens=pack_tokens))
    if whole_last_block:
        pooled = encoder.get_layer("pooler")(encoder.output["sequence_output"][:, 0, :])
        encoder = keras.Model(encoder.input, {"pooled_output": pooled})
    copy = classifier_model(encoder, model.output["logits"].shape[-1])
    copy.set_weights(model.get_weights())
    return copy


def masked_lm_like(model, whole_last_block: bool = False):
    """Returns a masked LM of a classifier's size, with random weights, in Keras' present policy.

    Args:
      model: the classifier.
      whole_last_block: let the last block compute all tokens, though the head reads the masked.
    """
    import keras

    from keras_bert_cls.modeling.encoder import build_encoder, encoder_config
    from keras_bert_cls.modeling.heads import GatherPositions
    from keras_bert_cls.modeling.models import masked_lm_model

    encoder = build_encoder(encoder_config(model))
    if whole_last_block:
        positions = keras.Input((None,), dtype="int32", name="mask_positions")
        masked = GatherPositions()(encoder.output["sequence_output"], positions)
        inputs = {**encoder.input, "mask_positions": positions}
        encoder = keras.Model(inputs, {**encoder.output, "masked_output": masked})
    return masked_lm_model(encoder)


def loss(texts: list[str], labels: list[int]) -> float:
    """Returns the mean loss of a batch without dropout."""
    import tensorflow as tf

    inputs = _packed(_loaded["trained"].tokenizer, texts)
    logits = _loaded["model"](inputs, training=False)["logits"]
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    return float(tf.reduce_mean(losses))


def train(batches: list[list], max_length: int) -> dict[str, list[float]]:
    """Makes an update with each batch [texts, labels]; returns how long each took."""
    tokenizer = _loaded["trained"].tokenizer
    found = [prepared(tokenizer, *batch) for batch in batches]
    if _loaded["masked_lm"]:
        found = [_masked(tokenizer, batch) for batch in found]
    return timed_updates(_loaded["loop"], found)


def prepared(tokenizer, texts: list[str], labels: list[int]) -> dict:
    """Returns a batch as the loop takes it."""
    import tensorflow as tf

    return {
        **_packed(tokenizer, texts),
        "target": tf.constant(labels, tf.int32),
        "sample_weight": tf.ones(len(texts)),
    }


def _masked(tokenizer, batch: dict) -> dict:
    """Returns a batch for a masked LM, masked as bertcls-pretrain does it, but not in words."""
    import tensorflow as tf

    from keras_bert_cls.data.config import MaskingConfig
    from keras_bert_cls.data.masking import TokenMasker

    masker = TokenMasker(tokenizer.vocabulary, MaskingConfig(whole_words=False))
    return {**batch, **masker(batch["token_ids"], tf.constant([0, 0]))}


def _packed(tokenizer, texts: list[str]):
    import tensorflow as tf

    from keras_bert_cls.text.packing import pack_texts

    return pack_texts(
        tokenizer.vocabulary, [tokenizer.tokenize(tf.constant(texts))], max_length=512
    )


if __name__ == "__main__":
    answer_requests({"load": load, "loss": loss, "train": train})
