"""Activations by the names that BERT configs use."""

import keras


@keras.saving.register_keras_serializable("keras_bert_cls")
def gelu_tanh(x):
    """The tanh approximation of gelu (Hendrycks and Gimpel 2016), as Google's first code had it."""
    return keras.activations.gelu(x, approximate=True)


# Keras' own gelu is the exact one, by the error function.
ACTIVATIONS = {
    "gelu": keras.activations.gelu,
    "gelu_tanh": gelu_tanh,
    "relu": keras.activations.relu,
}
