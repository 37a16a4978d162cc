"""Importing this registers every Keras layer and function of ours with `keras.saving`."""

# Modules, not names out of them: where one of these is the first to import Keras, this runs in the
# middle of it, so that it is still half loaded.
import keras_bert_cls.modeling.activations
import keras_bert_cls.modeling.adaptive_softmax
import keras_bert_cls.modeling.decoder_block
import keras_bert_cls.modeling.dropout
import keras_bert_cls.modeling.embedding_sum
import keras_bert_cls.modeling.heads
import keras_bert_cls.modeling.hierarchical_head
import keras_bert_cls.modeling.ordinal_head
import keras_bert_cls.modeling.positions
import keras_bert_cls.modeling.token_packing
import keras_bert_cls.modeling.transformer_block
import keras_bert_cls.modeling.windows  # noqa: F401
