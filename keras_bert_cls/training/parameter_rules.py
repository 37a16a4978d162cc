"""Which weight learns how fast and decays how much: (regex, rate multiple, decay) rules."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from keras_bert_cls.errors import UserError

TOKEN_EMBEDDING = "token_embedding/embeddings"  # its path
NOT_DECAYED = r"(bias|gamma|beta|thresholds)$"


class ParameterRule(NamedTuple):
    """What holds for the weights in whose path `pattern` is found.

    Attributes:
      pattern: a regular expression, such as r"^block_0/".
      learning_rate: multiple of the schedule's rate; 0 freezes.
      weight_decay: decoupled weight decay.
    """

    pattern: str
    learning_rate: float
    weight_decay: float


def default_rules(
    num_layers: int, weight_decay: float, layer_decay: float = 1.0
) -> list[ParameterRule]:
    """Returns rules that cover every weight: norms, biases and thresholds don't decay.

    Args:
      num_layers: blocks of the encoder.
      weight_decay: of all matrices.
      layer_decay: block i of n learns at layer_decay ** (n - 1 - i) times the rate, the embeddings
        one step below block 0, what is above the encoder at the full rate.
    """
    depths = [("(token|position|segment)_embedding/|^embeddings_norm/", num_layers)]
    depths += [(f"block_{index}/", num_layers - 1 - index) for index in range(num_layers)]
    rules = []
    if layer_decay != 1:
        for prefix, depth in depths:
            rate = layer_decay**depth
            rules.append(ParameterRule(f"^({prefix}).*{NOT_DECAYED}", rate, 0.0))
            rules.append(ParameterRule(f"^({prefix})", rate, weight_decay))
    return [*rules, ParameterRule(NOT_DECAYED, 1.0, 0.0), ParameterRule("", 1.0, weight_decay)]


def match_rules(paths: Sequence[str], rules: Sequence[ParameterRule]) -> list[ParameterRule]:
    """Returns the first rule that each path matches.

    Raises:
      UserError: a pattern is no regular expression or matches no path, or a path matches no rule.
    """
    try:
        patterns = [re.compile(rule.pattern) for rule in rules]
    except re.error as error:
        raise UserError(f"optimizer.rules: {error.pattern!r} is no regex: {error}") from error
    for pattern in patterns:
        if not any(pattern.search(path) for path in paths):
            raise UserError(
                f"optimizer.rules: {pattern.pattern!r} matches no weight. Weights: "
                + ", ".join(paths)
            )
    found = []
    for path in paths:
        rule = next((r for r, p in zip(rules, patterns, strict=True) if p.search(path)), None)
        if rule is None:
            raise UserError(f"optimizer.rules: no rule covers the weight {path!r}")
        found.append(rule)
    return found
