"""The usual classification head: a logit for each label."""

import keras

from keras_bert_cls.modeling.head_settings import HeadSettings


def dense_head(
    hidden: keras.KerasTensor,
    num_labels: int,
    settings: HeadSettings,
    initializer: keras.Initializer,
) -> keras.KerasTensor:
    """Returns the logits, float32 [batch, num_labels], of hidden states [batch, hidden]."""
    biases = settings.biases or (0.0,) * num_labels
    if len(biases) != num_labels:
        raise ValueError(f"expected {num_labels} biases, got {len(biases)}")
    layer = keras.layers.Dense(
        num_labels,
        kernel_initializer=initializer,
        bias_initializer=keras.initializers.Constant(list(biases)) if any(biases) else "zeros",
        dtype="float32",
        name=f"{settings.prefix}logits",
    )
    return layer(hidden)
