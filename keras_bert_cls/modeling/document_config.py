"""How texts longer than the encoder's positions are read. Imports no TensorFlow."""

import dataclasses

from keras_bert_cls.errors import UserError, closest

POOLINGS = ("mean", "max", "attention")
_SPECIAL_TOKENS = 2
_SHORTEST_WINDOW = 8


@dataclasses.dataclass
class DocumentConfig:
    """Reads a long text as overlapping windows whose pooled outputs become one.

    Attributes:
      window_length: tokens of a window, [CLS] and [SEP] included; 0 reads a text as one, which must
        fit the encoder's positions.
      overlap: tokens that a window shares with the next, [CLS] and [SEP] not counted.
      pooling: what becomes of the windows' pooled outputs: their "mean" or "max", or "attention",
        a mean weighted by the softmax of products with a learned vector (Yang et al. 2016,
        https://aclanthology.org/N16-1174). Sun et al. 2019, https://arxiv.org/abs/1905.05583,
        compare the three for BERT; overlapping windows are those of Pappagari et al. 2019,
        https://arxiv.org/abs/1910.10781.
    """

    window_length: int = 0
    overlap: int = 16
    pooling: str = "mean"

    @property
    def step(self) -> int:
        """Tokens from the start of a window to that of the next."""
        return self.window_length - _SPECIAL_TOKENS - self.overlap

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        if not self.window_length:
            return self._given_without_windows()
        found = []
        if self.pooling not in POOLINGS:
            hint = closest(self.pooling, POOLINGS)
            found.append(f"pooling must be one of {POOLINGS}, got {self.pooling!r}.{hint}")
        if self.window_length < _SHORTEST_WINDOW:
            found.append(
                f"window_length must be 0 or at least {_SHORTEST_WINDOW}, got {self.window_length}"
            )
        elif not (self.overlap >= 0 and self.step > 0):
            found.append(
                f"overlap must be in [0, {self.window_length - _SPECIAL_TOKENS}), so that a window "
                f"of {self.window_length} tokens brings a new one, got {self.overlap}"
            )
        return found

    def validate(self, positions: int) -> None:
        """Raises UserError that lists every problem.

        Args:
          positions: that the encoder has.
        """
        found = self.problems()
        if not self.window_length:
            found.append("window_length is 0, so there are no windows")
        if self.window_length > positions:
            found.append(
                f"window_length is {self.window_length}, but the encoder has {positions} positions"
            )
        if found:
            raise UserError("the document config is wrong:\n" + "\n".join(f"  {p}" for p in found))

    def _given_without_windows(self) -> list[str]:
        return [
            f"{field.name} is given, but window_length is 0, so there are no windows"
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        ]
