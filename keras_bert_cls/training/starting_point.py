"""Where a run starts: from random weights, an earlier run, or another library's checkpoint."""

import dataclasses

import keras

from keras_bert_cls.checkpoints.import_checkpoint import load_source
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.encoder import copy_shared_weights, encoder_config
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.training.run_config import RunConfig, sequence_lengths


@dataclasses.dataclass
class StartingPoint:
    """What a run takes over.

    Attributes:
      tokenizer: turns text into token ids.
      encoder: the encoder's config, with the size of the vocabulary.
      model: whose weights are copied; None starts from random weights.
      blocks: of that model's encoder, for the blocks of the new one.
    """

    tokenizer: Tokenizer
    encoder: EncoderConfig
    model: keras.Model | None
    blocks: tuple[int, ...] = ()

    def give_weights(self, model: keras.Model) -> keras.Model:
        """Copies the weights that a new model shares with the earlier one; returns the new one."""
        if self.model is not None:
            copy_shared_weights(self.model, model, self.blocks)
        return model


def starting_point(config: RunConfig) -> StartingPoint:
    """Loads what `config.init_from` names, or makes what the config describes.

    Raises:
      UserError: the vocabulary, the earlier run or the checkpoint is not there or cannot be loaded,
        or has too few positions or blocks.
    """
    if not config.init_from:
        tokenizer = Tokenizer.from_vocab(config.tokenizer.vocabulary, config.tokenizer.lowercase)
        encoder = dataclasses.replace(config.encoder, vocabulary_size=len(tokenizer.vocabulary))
        return StartingPoint(tokenizer, encoder, None)
    source = load_source(config.init_from)
    encoder = encoder_config(source.model)
    blocks = _blocks(config, encoder.num_layers)
    encoder = dataclasses.replace(
        encoder,
        num_layers=len(blocks),
        dropout=config.encoder.dropout,
        attention_dropout=config.encoder.attention_dropout,
        pack_tokens=config.encoder.pack_tokens,
    )
    for field, length in sequence_lengths(config).items():
        if length > encoder.max_sequence_length:
            raise UserError(
                f"--config.{field} is {length}, but the encoder of {config.init_from} has "
                f"{encoder.max_sequence_length} positions"
            )
    return StartingPoint(source.tokenizer, encoder, source.model, blocks)


def _blocks(config: RunConfig, there: int) -> tuple[int, ...]:
    """Returns the blocks that are taken of an encoder that has `there` of them."""
    blocks = tuple(config.init_layers) or tuple(range(there))
    if blocks[-1] >= there:
        raise UserError(
            f"--config.init_layers names block {blocks[-1]}, but the encoder of "
            f"{config.init_from} has {there} blocks, 0 to {there - 1}"
        )
    return blocks
