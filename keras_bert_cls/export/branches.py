"""The threads that run the ops of an export, and the branches of a block that they run at once."""

import os
from typing import TYPE_CHECKING

from keras_bert_cls.errors import UserError
from keras_bert_cls.export.model_card import card_number

if TYPE_CHECKING:  # A server need not wait for Keras to load.
    from keras_bert_cls.modeling.trained_model import TrainedModel

CALLING_THREAD = -1


def check_branches(branches: int, trained: "TrainedModel") -> None:
    """Raises UserError if the blocks of the model's encoder cannot be cut into so many branches."""
    if branches == 1:
        return
    if branches < 1:
        raise UserError(f"branches must be at least 1, got {branches}")
    if trained.settings.task == "seq2seq":
        raise UserError("a seq2seq model is exported without branches: leave branches at 1")
    from keras_bert_cls.modeling.encoder import encoder_config

    encoder = encoder_config(trained.model)
    if encoder.num_heads % branches or encoder.intermediate_dim % branches:
        raise UserError(
            f"branches must divide the encoder's num_heads ({encoder.num_heads}) and its "
            f"intermediate_dim ({encoder.intermediate_dim}), got {branches}"
        )


def executor_threads(folder: str | os.PathLike) -> int:
    """Returns the inter-op threads that suit the SavedModel `folder`.

    Without branches nearly every op waits for the one before, and handing it to another thread
    costs as much as computing it: -1, the calling thread runs all. Else a thread for each branch.
    """
    branches = card_number(folder, "branches", 1)
    return CALLING_THREAD if branches == 1 else branches
