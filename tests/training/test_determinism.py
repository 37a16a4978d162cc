"""The training graph holds no sum whose last bit depends on which thread is faster.

An AddN of three or more tensors starts with the first input whose memory it may reuse. A tensor
that has another reader may be reused or not, as that reader is done or not: then the order of the
additions is a matter of luck, and a resumed run does not repeat itself.
"""

import collections

import pytest
from tensorflow.python.eager import context
from tiny_runs import finetune_config, pretrain_config, write_files

from keras_bert_cls.training.finetune import finetune
from keras_bert_cls.training.pretrain import pretrain

# What may hand on the memory of its input.
VIEWS = {"Enter", "Exit", "ExpandDims", "Identity", "Merge", "NextIteration", "Reshape", "Snapshot"}
VIEWS |= {"Split", "Squeeze", "StridedSlice", "Switch", "Unpack"}


def sums_by_luck(nodes) -> tuple[int, list[str]]:
    """Returns the number of sums of three or more tensors, and those whose order is luck."""
    by_name = {node.name: node for node in nodes}
    readers = collections.Counter()
    for node in nodes:
        readers.update(data_inputs(node))

    def is_shared(name):
        if readers[name] > 1:
            return True
        node = by_name.get(name)
        return node is not None and node.op in VIEWS and is_shared(data_inputs(node)[0])

    sums = [node for node in nodes if "AddN" in node.op and len(data_inputs(node)) > 2]
    return len(sums), [node.name for node in sums if any(map(is_shared, data_inputs(node)))]


def data_inputs(node) -> list[str]:
    return [name.split(":")[0] for name in node.input if not name.startswith("^")]


@pytest.fixture
def graphs():
    """Returns the graphs that ran since, after all of TensorFlow's rewriting."""
    context.enable_run_metadata()

    def collect():
        for functions in context.export_run_metadata().function_graphs:
            graph = functions.post_optimization_graph
            yield list(graph.node)
            yield from (list(function.node_def) for function in graph.library.function)

    yield collect
    context.disable_run_metadata()


@pytest.mark.parametrize(
    ("task", "pieces"), [("classifier", 3), ("masked_lm", 3), ("masked_lm", 1)]
)
def test_no_sum_is_in_an_order_of_luck(graphs, tmp_path, task, pieces):
    write_files(tmp_path)
    settings = {"train_steps": 2, "train_accumulation": pieces, "encoder_num_layers": 1}
    settings |= {"data_dev_files": ()}
    if task == "classifier":
        config = finetune_config(
            tmp_path, **settings, head_class_weight="balanced", data_test_files=()
        )
        finetune(config, tmp_path / "run")
    else:
        config = pretrain_config(tmp_path, **settings, data_pair_objective="nsp")
        pretrain(config, tmp_path / "run")
    count, by_luck = 0, []
    for nodes in graphs():
        if any(node.op == "ResourceApplyAdam" for node in nodes):
            sums, found = sums_by_luck(nodes)
            count += sums
            by_luck += found
    # The gradient of a layer norm, and the norm of all gradients.
    assert count >= 2
    assert by_luck == []
