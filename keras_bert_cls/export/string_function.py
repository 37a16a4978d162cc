"""The frame of every signature that takes strings."""

from collections.abc import Callable, Sequence

import tensorflow as tf

Outputs = dict[str, tf.Tensor]


def string_function(
    input_names: Sequence[str], body: Callable[..., Outputs]
) -> tf.types.experimental.PolymorphicFunction:
    """Makes a function for a signature with string inputs [n].

    Args:
      input_names: the inputs' names.
      body: gets a string tensor [n] for each input, and returns the outputs.
    """
    specs = [tf.TensorSpec([None], tf.string, name=name) for name in input_names]

    @tf.function(input_signature=specs, autograph=False)
    def signature(*strings):
        # TensorFlow Serving does not check ranks, and a scalar crashes FastBertNormalize and with
        # it the server. ensure_shape stays in the graph; a rank assertion would be folded away.
        checked = [tf.ensure_shape(values, [None]) for values in strings]
        for name, values in zip(input_names[1:], checked[1:], strict=True):
            tf.debugging.assert_equal(
                tf.size(values),
                tf.size(checked[0]),
                message=f"{name} and {input_names[0]} need equally many strings.",
            )
        return body(*checked)

    return signature
