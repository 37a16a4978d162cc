"""Trained models of one layer, with random weights."""

import numpy as np
from random_weights import draw_weights

from keras_bert_cls.modeling.config import EncoderConfig
from keras_bert_cls.modeling.models import classifier_model, masked_lm_model
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.text.packing import pack_texts
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
TOKENS = (
    *SPECIAL_TOKENS,
    "the",
    "movie",
    "was",
    "good",
    "bad",
    "play",
    "##ing",
    "##ed",
    *"很好差看,.！",
)
LABELS = ("negative", "中性", "positive")
TASKS = ("single_label", "multi_label", "regression", "masked_lm")


def make_trained_model(
    task: str, *, text_pair: bool = False, max_length: int = 24, positions: int = 24
) -> TrainedModel:
    config = EncoderConfig(
        vocabulary_size=len(TOKENS),
        hidden_dim=8,
        num_layers=1,
        num_heads=2,
        intermediate_dim=16,
        max_sequence_length=positions,
    )
    labels = LABELS if task in ("single_label", "multi_label") else ()
    if task == "masked_lm":
        model = masked_lm_model(config)
    else:
        model = classifier_model(config, len(labels) or 1)
    draw_weights(model, seed=7)
    return TrainedModel(
        model=model,
        tokenizer=Tokenizer(Vocabulary(TOKENS)),
        settings=ModelSettings(task, labels, text_pair, max_length),
    )


def logits_of(trained: TrainedModel, *texts) -> np.ndarray:
    """What the Keras model says, float64 [n, labels]; every text runs alone and unpadded."""
    rows = []
    for row in zip(*texts, strict=True):
        packed = pack_texts(
            trained.tokenizer.vocabulary,
            [trained.tokenizer.tokenize([text]) for text in row],
            max_length=trained.settings.max_length,
            pad_to_multiple_of=1,
        )
        rows.append(trained.model(packed)["logits"].numpy()[0])
    return np.array(rows, np.float64)


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)
