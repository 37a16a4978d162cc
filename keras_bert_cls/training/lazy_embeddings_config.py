"""What does not go with lazy embeddings in a config. Imports no TensorFlow."""

import re

from keras_bert_cls.training.config import PretrainConfig, Seq2SeqConfig
from keras_bert_cls.training.multitask_config import MultiTaskConfig
from keras_bert_cls.training.parameter_rules import TOKEN_EMBEDDING
from keras_bert_cls.training.run_config import RunConfig


def lazy_embeddings_problems(config: RunConfig) -> list[str]:
    """Returns why a run can't have optimizer.lazy_embeddings, a sentence each; none without."""
    if not config.optimizer.lazy_embeddings:
        return []
    found = []
    if tied := _tied_by(config):
        found.append(
            f"needs a token embedding that is only looked up, but {tied} makes it an output layer "
            "too, of which every row has a gradient"
        )
    rules = config.optimizer.rules
    rate = next((rate for regex, rate, _ in rules if re.search(regex, TOKEN_EMBEDDING)), 1.0)
    if not rate:
        found.append("has no effect: rules freeze the token embedding")
    return [f"--config.optimizer: lazy_embeddings {problem}" for problem in found]


def _tied_by(config: RunConfig) -> str:
    if isinstance(config, PretrainConfig) and config.output == "tied":
        return "output 'tied'"
    if isinstance(config, Seq2SeqConfig) and config.decoder.tie_embeddings:
        return "decoder.tie_embeddings"
    if isinstance(config, MultiTaskConfig) and config.masked_lm.share:
        return "masked_lm"
    return ""
