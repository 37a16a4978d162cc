"""What a sequence-to-sequence model minimises: the loss of each token, given those before it."""

import tensorflow as tf

from keras_bert_cls.training.objectives import ENCODER_INPUTS, Objective, Tensors


class Seq2SeqObjective(Objective):
    """Cross entropy of the next token, with the target before it given (teacher forcing).

    Every token counts the same, whatever the length of its target.

    Args:
      label_smoothing: share of the probability spread over the vocabulary (Szegedy et al. 2016;
        Vaswani et al. 2017, section 5.4).
    """

    inputs = (*ENCODER_INPUTS, "decoder_token_ids")
    has_accuracy = True

    def __init__(self, label_smoothing: float = 0.0):
        self._label_smoothing = label_smoothing

    def weights(self, batch: Tensors) -> Tensors:
        return {"token": batch["target_weights"]}

    def losses(self, outputs: Tensors, batch: Tensors) -> Tensors:
        logits = outputs["logits"]
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["target"], logits)
        if self._label_smoothing:
            uniform = tf.reduce_logsumexp(logits, axis=-1) - tf.reduce_mean(logits, axis=-1)
            losses += self._label_smoothing * (uniform - losses)
        return {"token": losses}

    def correct(self, outputs: Tensors, batch: Tensors) -> Tensors:
        hits = tf.argmax(outputs["logits"], -1, tf.int32) == batch["target"]
        return {"token": tf.cast(hits, tf.float32)}
