"""How a global batch is shared out."""

import dataclasses

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.config import TrainConfig


@dataclasses.dataclass(frozen=True)
class BatchArithmetic:
    """The rows of an update, and the pieces in which its gradient is computed.

    Attributes:
      workers, devices: how many workers there are, and devices of each.
      accumulation: pieces that a device computes one after the other.
      rows: of the global batch.
    """

    workers: int
    devices: int
    accumulation: int
    rows: int

    @classmethod
    def of(cls, config: TrainConfig, workers: int, devices: int) -> "BatchArithmetic":
        """Returns that of a run.

        Raises:
          UserError: there are fewer rows than pieces.
        """
        pieces = workers * devices * config.accumulation
        rows = config.batch_size_per_device * pieces or config.batch_size
        if rows < pieces:
            raise UserError(
                f"--config.train.batch_size is {rows}, but {workers} x {devices} devices with "
                f"accumulation {config.accumulation} need at least {pieces} rows: give a larger "
                "batch_size or a lower accumulation"
            )
        return cls(workers, devices, config.accumulation, rows)

    @property
    def parts(self) -> int:
        """Pieces of the global batch."""
        return self.workers * self.devices * self.accumulation

    def __str__(self) -> str:
        each = -(-self.rows // self.parts)
        factors = [
            (self.workers, "workers"),
            (self.devices, "devices"),
            (self.accumulation, "accumulated pieces"),
        ]
        shown = [f"{count} {name}" for count, name in factors if count > 1]
        whole = f"global batch of {self.rows:,} rows"
        if not shown:
            return whole
        exactly = "" if each * self.parts == self.rows else "at most "
        return f"{whole} = {' x '.join(shown)} x {exactly}{each:,} rows"
