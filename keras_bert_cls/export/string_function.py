"""The frame of every signature that takes strings."""

from collections.abc import Callable, Sequence

import tensorflow as tf

Outputs = dict[str, tf.Tensor]


def string_function(
    input_names: Sequence[str],
    body: Callable[..., Outputs],
    others: Sequence[tf.TensorSpec] = (),
) -> tf.types.experimental.PolymorphicFunction:
    """Makes a function for a signature with string inputs [n].

    Args:
      input_names: the inputs' names.
      body: gets a tensor [n] for each input, and returns the outputs.
      others: inputs [n] of other types, which come after the strings.
    """
    specs = [*(tf.TensorSpec([None], tf.string, name=name) for name in input_names), *others]

    @tf.function(input_signature=specs, autograph=False)
    def signature(*inputs):
        # TensorFlow Serving does not check ranks, and a scalar crashes FastBertNormalize and with
        # it the server. ensure_shape stays in the graph; a rank assertion would be folded away.
        checked = [tf.ensure_shape(values, [None]) for values in inputs]
        for spec, values in zip(specs[1:], checked[1:], strict=True):
            tf.debugging.assert_equal(
                tf.size(values),
                tf.size(checked[0]),
                message=f"{spec.name} and {specs[0].name} need equally many values.",
            )
        return body(*checked)

    return signature
