"""The classification head for 10^4 to 10^6 labels."""

import keras

from keras_bert_cls.modeling.adaptive_softmax import AdaptiveSoftmax
from keras_bert_cls.modeling.head_settings import HeadSettings


def adaptive_head(
    hidden: keras.KerasTensor,
    num_labels: int,
    settings: HeadSettings,
    initializer: keras.Initializer,
) -> keras.KerasTensor:
    """Returns the log-probabilities of hidden states [batch, hidden], float32 [batch, num_labels].

    Graphs compute them only where something reads them; see `softmax_of`.
    """
    shape = settings.adaptive
    if shape is None:
        raise ValueError("a head of the kind adaptive needs its AdaptiveShape")
    layer = AdaptiveSoftmax(
        num_labels,
        shape.cutoffs,
        shape.div_value,
        head_bias=True,
        label_order=shape.order,
        name=f"{settings.prefix}adaptive_softmax",
    )
    return layer(hidden)
