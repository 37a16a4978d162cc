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
    layer = keras.layers.Dense(
        num_labels,
        kernel_initializer=initializer,
        dtype="float32",
        name=f"{settings.prefix}logits",
    )
    return layer(hidden)
