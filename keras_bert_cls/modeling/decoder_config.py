"""What defines a decoder, and how it decodes. Imports no TensorFlow: configs hold these."""

import dataclasses
import math
from typing import Any

from keras_bert_cls.errors import UserError, closest
from keras_bert_cls.modeling.config import EncoderConfig, position_problems

NORMS = ("post", "pre")
METHODS = ("greedy", "beam", "top_p")


@dataclasses.dataclass
class DecoderConfig:
    """Sizes and settings of the decoder (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762).

    Width, activation, epsilon and initializer are the encoder's.

    Attributes:
      num_layers: decoder blocks.
      num_heads: attention heads in a block.
      intermediate_dim: width of the feed-forward layer.
      max_length: tokens of an output at most, the end included; as many positions there are.
      positions: "learned" or "sinusoidal".
      norm: "post", after each residual sum as in the paper and in BERT, or "pre", before each
        sublayer and once at the end (Xiong et al. 2020, https://arxiv.org/abs/2002.04745), which
        trains deep decoders without a warm-up.
      tie_embeddings: the decoder reads and writes with the encoder's token embedding; if not, with
        one of its own (Press and Wolf 2017, https://arxiv.org/abs/1608.05859).
      dropout: rate on embeddings and on the output of attention and feed-forward layers.
      attention_dropout: rate on attention probabilities.
    """

    num_layers: int = 4
    num_heads: int = 4
    intermediate_dim: int = 1024
    max_length: int = 64
    positions: str = "learned"
    norm: str = "post"
    tie_embeddings: bool = True
    dropout: float = 0.1
    attention_dropout: float = 0.1

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        found = []
        for field in ("num_layers", "num_heads", "intermediate_dim", "max_length"):
            if getattr(self, field) < 1:
                found.append(f"{field} must be at least 1, got {getattr(self, field)}")
        found += position_problems(self.positions, hidden_dim=2)
        if self.norm not in NORMS:
            hint = closest(self.norm, NORMS)
            found.append(f"norm must be one of {NORMS}, got {self.norm!r}.{hint}")
        for field in ("dropout", "attention_dropout"):
            if not 0 <= getattr(self, field) < 1:
                found.append(f"{field} must be in [0, 1), got {getattr(self, field)}")
        return found

    def problems_with(self, encoder: EncoderConfig) -> list[str]:
        """Returns what keeps the decoder from going with an encoder; see `problems`."""
        if self.num_heads >= 1 and encoder.hidden_dim % self.num_heads:
            return [
                f"num_heads must divide the encoder's hidden_dim {encoder.hidden_dim}, "
                f"got {self.num_heads}"
            ]
        if self.positions == "sinusoidal":
            return position_problems(self.positions, encoder.hidden_dim)
        return []

    def validate(self, encoder: EncoderConfig) -> None:
        """Raises UserError that lists every problem."""
        found = self.problems() or self.problems_with(encoder)
        if found:
            raise UserError("the decoder config is wrong:\n" + "\n".join(f"  {p}" for p in found))


_ONLY_OF = {"beams": "beam", "top_p": "top_p", "temperature": "top_p", "seed": "top_p"}


@dataclasses.dataclass
class GenerationConfig:
    """How an output is chosen.

    Attributes:
      method: "greedy" takes the likeliest token each time; "beam" searches for the output of the
        best score; "top_p" draws from the likeliest tokens (Holtzman et al. 2020,
        https://arxiv.org/abs/1904.09751).
      max_length: tokens of an output at most, the end included; 0 for as many as the decoder has
        positions.
      beams: outputs that a beam search follows at a time.
      length_penalty: alpha of Wu et al. 2016 (https://arxiv.org/abs/1609.08144, equation 14): the
        score of an output of n tokens is its log-likelihood / ((5 + n) / 6) ** alpha. 0 scores by
        the log-likelihood, which favours short outputs.
      top_p: the share of the probability that the likeliest tokens have which are drawn from.
      temperature: by which logits are divided before drawing.
      seed: of drawing. A text gets the same output each time, whatever else is in its batch.
    """

    method: str = "greedy"
    max_length: int = 0
    beams: int = 4
    length_penalty: float = 0.6
    top_p: float = 0.9
    temperature: float = 1.0
    seed: int = 0

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        found = []
        if self.method not in METHODS:
            hint = closest(self.method, METHODS)
            found.append(f"method must be one of {METHODS}, got {self.method!r}.{hint}")
        if self.max_length < 0:
            found.append(f"max_length must be at least 0, got {self.max_length}")
        if self.beams < 1:
            found.append(f"beams must be at least 1, got {self.beams}")
        if not 0 <= self.length_penalty < math.inf:
            found.append(f"length_penalty must be at least 0 and finite, got {self.length_penalty}")
        if not 0 < self.top_p <= 1:
            found.append(f"top_p must be in (0, 1], got {self.top_p}")
        if not 0 < self.temperature < math.inf:
            found.append(f"temperature must be over 0 and finite, got {self.temperature}")
        if not 0 <= self.seed < 2**32:
            found.append(f"seed must be in [0, 2**32), got {self.seed}")
        if self.method in METHODS:
            found += [
                f"{field} is given, but it is of method {_ONLY_OF[field]!r}, not of {self.method!r}"
                for field, default in self._idle_fields().items()
                if getattr(self, field) != default
            ]
        return found

    def changed(self, **fields: Any) -> "GenerationConfig":
        """Returns a config with other values; what it has for another method alone is forgotten."""
        found = dataclasses.replace(self, **fields)
        idle = {name: value for name, value in found._idle_fields().items() if name not in fields}
        return dataclasses.replace(found, **idle)

    def _idle_fields(self) -> dict[str, Any]:
        """Returns the fields that the method does not look at, with their defaults."""
        defaults = GenerationConfig()
        return {
            field: getattr(defaults, field)
            for field, method in _ONLY_OF.items()
            if method != self.method
        }

    def problems_with(self, decoder: DecoderConfig) -> list[str]:
        """Returns what the decoder cannot do; see `problems`."""
        if self.max_length > decoder.max_length:
            return [
                f"max_length is {self.max_length}, but the decoder has {decoder.max_length} "
                "positions (decoder.max_length)"
            ]
        return []

    def validate(self, decoder: DecoderConfig) -> None:
        """Raises UserError that lists every problem."""
        found = self.problems() + self.problems_with(decoder)
        if found:
            raise UserError(
                "the generation config is wrong:\n" + "\n".join(f"  {p}" for p in found)
            )
