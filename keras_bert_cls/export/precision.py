"""What exports of reduced precision need."""

import contextlib
from collections.abc import Iterator, Sequence

import keras

from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.trained_model import TrainedModel

PRECISIONS = ("float32", "bfloat16")

_MAX_GRAPH_BYTES = 2**31  # of a protobuf message


def check_precision(precision: str, trained: TrainedModel) -> None:
    """Raises UserError if the model cannot be exported in that precision."""
    if precision not in PRECISIONS:
        raise UserError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    if precision == "float32":
        return
    if trained.settings.task in ("masked_lm", "seq2seq"):
        raise UserError(
            f"a {trained.settings.task} model is exported in float32 only: bfloat16 would change "
            "which tokens it writes, and the scores of whole texts. Leave precision as it is."
        )
    if 2 * trained.model.count_params() > _MAX_GRAPH_BYTES:
        raise UserError(
            f"a bfloat16 export holds its weights in the graph, which may have 2 GB; this model "
            f"has {trained.model.count_params():,} weights. Export it in float32."
        )


@contextlib.contextmanager
def as_constants(variables: Sequence[keras.Variable]) -> Iterator[None]:
    """Lets functions that are traced in the body read the variables' present values as constants.

    The values stand in an export's graph once, however many signatures use them.
    """
    if not variables:
        yield
        return
    values = [(variable, keras.ops.copy(variable.value)) for variable in variables]
    with keras.StatelessScope(state_mapping=values):
        yield
