"""From a config to what training aids put into the loop."""

from collections.abc import Callable

import keras

from keras_bert_cls.modeling.encoder import encoder_config
from keras_bert_cls.training.adamw import AdamW
from keras_bert_cls.training.adversarial import AdversarialGradients
from keras_bert_cls.training.aids_config import AidsConfig
from keras_bert_cls.training.config import FinetuneConfig
from keras_bert_cls.training.focal_objective import FocalObjective
from keras_bert_cls.training.gradients import Gradients, plain_gradients
from keras_bert_cls.training.objectives import Objective
from keras_bert_cls.training.r_drop import RDropObjective, TwoPasses
from keras_bert_cls.training.run_config import RunConfig
from keras_bert_cls.training.weight_average import WeightAverage


def _aids(config: RunConfig) -> AidsConfig:
    return config.aids if isinstance(config, FinetuneConfig) else AidsConfig()


def passes_of(config: RunConfig, model: keras.Model) -> Callable:
    """Returns what the loop runs: the model, or two passes of it to be compared."""
    return TwoPasses(model) if _aids(config).r_drop else model


def gradients_of(config: RunConfig, model: keras.Model) -> Gradients:
    """Returns how gradients are made of the loss."""
    epsilon = _aids(config).adversarial_epsilon
    if not epsilon:
        return plain_gradients
    return AdversarialGradients(epsilon, encoder_config(model).pack_tokens)


def weight_average(config: RunConfig, optimizer: AdamW) -> WeightAverage | None:
    """Returns what follows the weights that are trained; to be called in the strategy's scope."""
    decay = _aids(config).ema_decay
    return WeightAverage(optimizer.variables, decay) if decay else None


def focal(config: FinetuneConfig, objective: Objective) -> Objective:
    """Returns the hard loss, lower for what is right already if the config says so."""
    gamma = config.aids.focal_gamma
    return FocalObjective(objective, config.task, gamma) if gamma else objective


def compared(config: FinetuneConfig, objective: Objective) -> Objective:
    """Returns the whole loss; with R-Drop that of two passes."""
    alpha = config.aids.r_drop
    return RDropObjective(objective, config.task, alpha) if alpha else objective
