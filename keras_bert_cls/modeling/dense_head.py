"""The usual classification head: a logit for each label."""

import keras
import numpy as np

from keras_bert_cls.modeling.head_settings import HeadSettings


def dense_head(
    hidden: keras.KerasTensor,
    num_labels: int,
    settings: HeadSettings,
    initializer: keras.Initializer,
) -> keras.KerasTensor:
    """Returns the logits, float32 [batch, num_labels], of hidden states [batch, hidden]."""
    bias_initializer = "zeros"
    if settings.label_shares:
        shares = np.array(settings.label_shares)
        if len(shares) != num_labels:
            raise ValueError(f"expected {num_labels} label_shares, got {len(shares)}")
        bias_initializer = keras.initializers.Constant(
            (np.log(shares) - np.log1p(-shares)).tolist()
        )
    layer = keras.layers.Dense(
        num_labels,
        kernel_initializer=initializer,
        bias_initializer=bias_initializer,
        dtype="float32",
        name=f"{settings.prefix}logits",
    )
    return layer(hidden)
