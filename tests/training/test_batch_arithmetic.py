"""How a global batch is shared out, in numbers and in words."""

import pytest

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.batch_arithmetic import BatchArithmetic
from keras_bert_cls.training.config import TrainConfig


@pytest.mark.parametrize(
    ("settings", "workers", "devices", "rows", "text"),
    [
        ({"batch_size": 32}, 1, 1, 32, "global batch of 32 rows"),
        ({"batch_size": 32}, 1, 2, 32, "global batch of 32 rows = 2 devices x 16 rows"),
        (
            {"batch_size": 2048, "accumulation": 4},
            2,
            8,
            2048,
            "global batch of 2,048 rows = 2 workers x 8 devices x 4 accumulated pieces x 32 rows",
        ),
        ({"batch_size": 30}, 4, 1, 30, "global batch of 30 rows = 4 workers x at most 8 rows"),
        (
            {"batch_size": 7, "batch_size_per_device": 16, "accumulation": 2},
            3,
            1,
            96,
            "global batch of 96 rows = 3 workers x 2 accumulated pieces x 16 rows",
        ),
    ],
)
def test_arithmetic(settings, workers, devices, rows, text):
    batch = BatchArithmetic.of(TrainConfig(steps=1, **settings), workers, devices)
    assert (batch.rows, str(batch)) == (rows, text)
    assert batch.parts == workers * devices * batch.accumulation


def test_fewer_rows_than_pieces_are_refused():
    with pytest.raises(UserError, match="need at least 16 rows"):
        BatchArithmetic.of(TrainConfig(steps=1, batch_size=8, accumulation=2), 2, 4)
