"""The count of operations against TensorFlow's own, of the graph that trains."""

import dataclasses

import keras
import pytest
import tensorflow as tf

from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.decoder_config import DecoderConfig
from keras_bert_cls.modeling.models import classifier_model, masked_lm_model
from keras_bert_cls.modeling.multitask import Head, multitask_model
from keras_bert_cls.modeling.seq2seq import seq2seq_model
from keras_bert_cls.training.model_flops import multitask_flops, training_flops

ROWS, LENGTH, MASKS, LABELS = 3, 32, 5, 7
CONFIG = EncoderConfig(
    vocabulary_size=1000,
    hidden_dim=128,
    num_layers=2,
    num_heads=2,
    intermediate_dim=512,
    max_sequence_length=64,
    pack_tokens=False,
)
FULL_ROWS = {
    "rows": ROWS,
    "sequences": ROWS,
    "tokens": ROWS * LENGTH,
    "token_pairs": ROWS * LENGTH**2,
}
# Queries, keys and values of the last block, and the first tokens' attention, for a second head.
SECOND_CALL = 6 * ROWS * LENGTH * (128 * 3 * 128 + 2 * 128)


def counted(model, names) -> tuple[int, int]:
    """Counts the operations of a forward and a backward pass.

    Returns:
      Those of the graph's matrix products, and those of all operations that TensorFlow's profiler
      knows.
    """
    spec = {
        name: tf.TensorSpec([ROWS, MASKS if name == "mask_positions" else LENGTH], tf.int32)
        for name in model.input
    }

    @tf.function
    def gradients(inputs):
        with tf.GradientTape() as tape:
            outputs = model(inputs, training=True)
            loss = tf.add_n([tf.reduce_sum(outputs[name]) for name in names])
        weights = [variable.value for variable in model.trainable_variables]
        return tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    builder = tf.compat.v1.profiler.ProfileOptionBuilder
    options = builder(builder.float_operation()).with_empty_output().build()
    graph = gradients.get_concrete_function(spec).graph
    root = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
    products = sum(map(product_flops, graph.get_operations()))
    return products, root.total_float_ops


def product_flops(operation: tf.Operation) -> int:
    """Counts a matrix product's operations; 0 of others.

    The profiler takes the wrong axis of transposed factors, which shows where they are not square.
    """
    transposed = {"MatMul": "transpose_a", "BatchMatMulV2": "adj_x"}.get(operation.type)
    if transposed is None:
        return 0
    summed = operation.inputs[0].shape[-2 if operation.get_attr(transposed) else -1]
    return 2 * summed * operation.outputs[0].shape.num_elements()


@pytest.mark.parametrize("pair_objective", [False, True])
def test_masked_lm(pair_objective):
    model = masked_lm_model(CONFIG, pair_objective)
    products, everything = counted(model, list(model.output))
    sums = {**FULL_ROWS, "masked_entries": ROWS * MASKS}
    if pair_objective:
        sums["pair_entries"] = ROWS
    flops = training_flops(CONFIG, model.output["logits"].shape[-1], sums)
    assert products == flops + pair_objective * SECOND_CALL
    # What is left out: biases, norms, softmax, activations, dropout.
    assert products == pytest.approx(everything, rel=0.03)


def test_the_last_block_of_a_masked_lm_computes_the_masked_tokens():
    one_block = dataclasses.replace(CONFIG, num_layers=1)
    products, _ = counted(masked_lm_model(one_block), ["logits"])
    all_tokens = ROWS * LENGTH * (128 * 3 * 128 + 2 * LENGTH * 128)
    behind = ROWS * MASKS * (128 * 128 + 2 * 128 * 512 + 128 * 128 + 128 * 1000)
    assert products == 6 * (all_tokens + behind)


def test_classifier():
    model = classifier_model(CONFIG, LABELS)
    products, everything = counted(model, ["logits"])
    flops = training_flops(CONFIG, model.output["logits"].shape[-1], FULL_ROWS)
    assert flops == products
    assert flops == pytest.approx(everything, rel=0.03)


def test_the_last_block_of_a_classifier_computes_one_token_of_each_row():
    one_block = dataclasses.replace(CONFIG, num_layers=1)
    products, _ = counted(classifier_model(one_block, LABELS), ["logits"])
    query_key_value = ROWS * LENGTH * 128 * 3 * 128
    behind = ROWS * (2 * LENGTH * 128 + 128 * 128 + 2 * 128 * 512 + 128 * 128 + 128 * LABELS)
    assert products == 6 * (query_key_value + behind)


def test_windows_of_a_document_have_logits_once():
    products, _ = counted(classifier_model(CONFIG, LABELS), ["logits"])
    flops = training_flops(CONFIG, LABELS, {**FULL_ROWS, "rows": 1})
    assert flops == products - 6 * (ROWS - 1) * 128 * LABELS


def test_padding_is_no_use_and_batches_add_up():
    lengths = (32, 9, 1)

    def flops(*lengths: int) -> float:
        pairs = sum(n**2 for n in lengths)
        sums = {"rows": len(lengths), "sequences": len(lengths), "tokens": sum(lengths)}
        return training_flops(CONFIG, LABELS, {**sums, "token_pairs": pairs})

    alone = [flops(length) for length in lengths]
    assert flops(*lengths) == sum(alone)
    assert sum(alone) < training_flops(CONFIG, LABELS, FULL_ROWS) / 2


def test_seq2seq():
    decoder = DecoderConfig(num_layers=2, num_heads=2, intermediate_dim=512, max_length=LENGTH)
    model = seq2seq_model(CONFIG, decoder)
    products, _ = counted(model, ["logits"])
    sums = {**FULL_ROWS, "token_entries": ROWS * LENGTH}
    flops = training_flops(CONFIG, model.output["logits"].shape[-1], sums, decoder)
    # What is left out: the decoder's attention, which compares all places twice in each block.
    assert products - flops == 6 * 2 * 2 * (2 * 128 * ROWS * LENGTH**2)


def test_several_tasks():
    joint = multitask_model(CONFIG, {"topic": Head(LABELS)}, masked_lm=True)
    outputs = {name: values["logits"] for name, values in joint.output.items()}
    products, _ = counted(keras.Model(joint.input, outputs), list(outputs))
    flops = multitask_flops(CONFIG, {**FULL_ROWS, "masked_lm/masked_entries": ROWS * MASKS})
    left_out = 3 * 2 * ROWS * CONFIG.hidden_dim * LABELS
    assert products == flops + left_out + SECOND_CALL
