"""Learning rate as a function of the step."""

import math
from collections.abc import Callable

import tensorflow as tf

Schedule = Callable[[tf.Tensor], tf.Tensor]


def learning_rate_schedule(
    kind: str, peak: float, total_steps: int, warmup_share: float
) -> Schedule:
    """Returns a function from the step (int64, from 0) to the rate (float32).

    The rate rises linearly over the warm-up, reaches `peak`, and falls to 0 at `total_steps`
    ("linear", "cosine") or stays ("constant"). The first step (0) and the last one
    (`total_steps` - 1) learn.
    """
    warmup = max(1, round(total_steps * warmup_share))
    falling_steps = total_steps - warmup + 1

    def rate(step: tf.Tensor) -> tf.Tensor:
        position = tf.cast(step, tf.float32)
        rising = (position + 1) / warmup
        share = tf.clip_by_value((position + 1 - warmup) / falling_steps, 0.0, 1.0)
        falling = {
            "linear": 1 - share,
            "cosine": (1 + tf.cos(math.pi * share)) / 2,
            "constant": tf.ones_like(share),
        }[kind]
        return peak * tf.minimum(rising, falling)

    return rate
