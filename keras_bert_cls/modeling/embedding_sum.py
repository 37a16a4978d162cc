"""The sum of token, position and segment embeddings."""

import keras


@keras.saving.register_keras_serializable("keras_bert_cls")
class EmbeddingSum(keras.layers.Layer):
    """Adds embeddings.

    keras.layers.Add fails in eager code where there are no tokens: it takes [0, width] for a bias.

    Call arguments:
      embeddings: a list of [tokens, width].

    Returns:
      [tokens, width].
    """

    def call(self, embeddings):
        return sum(embeddings[1:], start=embeddings[0])

    def compute_output_spec(self, embeddings):
        return keras.KerasTensor(embeddings[0].shape, dtype=self.compute_dtype)
