"""What defines an encoder. Imports no TensorFlow, so that configs and `--help` stay light."""

import dataclasses

from keras_bert_cls.errors import UserError, closest

ACTIVATIONS = ("gelu", "gelu_tanh", "relu")
POSITIONS = ("learned", "sinusoidal")


def position_problems(positions: str, hidden_dim: int) -> list[str]:
    """Returns what is wrong with a choice of positions, a sentence each; empty if all is well."""
    if positions not in POSITIONS:
        hint = closest(positions, POSITIONS)
        return [f"positions must be one of {POSITIONS}, got {positions!r}.{hint}"]
    if positions == "sinusoidal" and hidden_dim % 2:
        return [f"positions 'sinusoidal' need an even hidden_dim, got {hidden_dim}"]
    return []


@dataclasses.dataclass
class EncoderConfig:
    """Sizes and settings of the BERT encoder (Devlin et al. 2018, https://arxiv.org/abs/1810.04805).

    Attributes:
      vocabulary_size: rows of the token embedding. 0 in a run's config: taken from the vocabulary.
      hidden_dim: width of the hidden states; a multiple of `num_heads`.
      num_layers: Transformer blocks.
      num_heads: attention heads in a block.
      intermediate_dim: width of the feed-forward layer.
      max_sequence_length: positions the position embedding has.
      num_segments: rows of the segment embedding.
      activation: "gelu" (exact, by the error function), "gelu_tanh" (its approximation) or "relu".
      dropout: rate on embeddings and on the output of attention and feed-forward layers.
      attention_dropout: rate on attention probabilities.
      layer_norm_epsilon: added to the variance.
      initializer_stddev: of the truncated normal that initializes matrices.
      positions: "learned" (BERT's) or "sinusoidal" (Vaswani et al. 2017, which has no weights).
      pack_tokens: compute on the real tokens only (fast where lengths differ); False computes on
        padding too, with shapes that are static, as XLA wants them. The numbers are the same.
    """

    vocabulary_size: int = 0
    hidden_dim: int = 256
    num_layers: int = 4
    num_heads: int = 4
    intermediate_dim: int = 1024
    max_sequence_length: int = 512
    num_segments: int = 2
    activation: str = "gelu"
    dropout: float = 0.1
    attention_dropout: float = 0.1
    layer_norm_epsilon: float = 1e-12
    initializer_stddev: float = 0.02
    positions: str = "learned"
    pack_tokens: bool = True

    def problems(self) -> list[str]:
        """Returns what is wrong with the config, a sentence each; empty if all is well."""
        found = []
        for field in (
            "hidden_dim",
            "num_layers",
            "num_heads",
            "intermediate_dim",
            "max_sequence_length",
            "num_segments",
        ):
            if getattr(self, field) < 1:
                found.append(f"{field} must be at least 1, got {getattr(self, field)}")
        if self.num_heads >= 1 and self.hidden_dim % self.num_heads:
            found.append(
                f"hidden_dim must be a multiple of num_heads, "
                f"got {self.hidden_dim} and {self.num_heads}"
            )
        if self.activation not in ACTIVATIONS:
            hint = closest(self.activation, ACTIVATIONS)
            found.append(f"activation must be one of {ACTIVATIONS}, got {self.activation!r}.{hint}")
        found += position_problems(self.positions, self.hidden_dim)
        for field in ("dropout", "attention_dropout"):
            if not 0 <= getattr(self, field) < 1:
                found.append(f"{field} must be in [0, 1), got {getattr(self, field)}")
        for field in ("layer_norm_epsilon", "initializer_stddev"):
            if not getattr(self, field) > 0:
                found.append(f"{field} must be over 0, got {getattr(self, field)}")
        return found

    def validate(self) -> None:
        """Raises UserError that lists every problem, a missing vocabulary size included."""
        found = self.problems()
        if self.vocabulary_size < 1:
            found.append(f"vocabulary_size must be at least 1, got {self.vocabulary_size}")
        if found:
            raise UserError("the encoder config is wrong:\n" + "\n".join(f"  {p}" for p in found))
