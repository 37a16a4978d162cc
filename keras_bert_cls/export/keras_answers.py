"""What the Keras model and the tokenizer answer in eager code: the yardstick for an export."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from keras_bert_cls.export.fill_mask_signatures import TOP_TOKENS
from keras_bert_cls.export.top_labels_check import top_probabilities
from keras_bert_cls.modeling.decision import Decision
from keras_bert_cls.modeling.output_softmax import adaptive_layer
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.text.packing import pack_texts
from keras_bert_cls.text.vocabulary import MASK

Answers = dict[str, dict[str, np.ndarray]]


def keras_answers(trained: TrainedModel, *texts: Sequence[bytes]) -> Answers:
    """Computes what an export should give.

    Args:
      trained: the model.
      *texts: UTF-8 texts [n]; for pair models a second sequence, the second texts.

    Returns:
      Signature -> output -> array: float64 for every output of floats; for the tokens int32 ids and
      strings, `bytes` in an object array. What a decision makes of probabilities is left out:
      see `decision_problem`.
    """
    if trained.settings.task == "masked_lm":
        fill_mask = {"scores": _fill_mask_scores(trained, texts[0])}
        token_ids = [_ids_with_masks(trained, text) for text in texts[0]]
        return {
            "serving_default": fill_mask,
            "fill_mask": fill_mask,
            "tokenize": _named(trained, token_ids),
        }
    packed = _inputs(trained, *texts)
    if trained.settings.task == "seq2seq":  # see `generation_problem` for what it writes
        rows = zip(packed["token_ids"].numpy(), packed["padding_mask"].numpy() > 0, strict=True)
        return {"tokenize": _named(trained, [token_ids[kept] for token_ids, kept in rows])}
    outputs = trained.model(packed, training=False)
    logits = outputs["logits"].numpy().astype(np.float64)
    rows = zip(packed["token_ids"].numpy(), packed["padding_mask"].numpy() > 0, strict=True)
    others = {
        "embed": {"embedding": outputs["pooled_output"].numpy().astype(np.float64)},
        "tokenize": _named(trained, [token_ids[kept] for token_ids, kept in rows]),
    }
    if trained.settings.task == "regression":
        value = {"value": logits[:, 0]}
        regress = {"outputs": logits[:, 0]}
        return {"serving_default": value, "tokens": value, "regress": regress, **others}
    probabilities = _probabilities(trained, logits)
    best = {"score": probabilities.max(-1)}
    if adaptive_layer(trained.model) is not None:
        probabilities = top_probabilities(trained, probabilities)
    answer = {"probabilities": probabilities, **best}
    return {
        "serving_default": answer,
        "tokens": {"probabilities": probabilities},
        "classify": {"scores": probabilities},
        **others,
    }


def label_probabilities(trained: TrainedModel, *texts: Sequence[bytes]) -> np.ndarray:
    """Returns a classifier's probabilities of all labels, float64 [n, labels]."""
    logits = trained.model(_inputs(trained, *texts), training=False)["logits"].numpy()
    return _probabilities(trained, logits)


def _probabilities(trained: TrainedModel, logits: np.ndarray) -> np.ndarray:
    decision = trained.decision or Decision()
    return decision.probabilities(trained.settings.task, logits.astype(np.float64))


def _inputs(trained: TrainedModel, *texts: Sequence[bytes]) -> dict[str, tf.Tensor]:
    tokenizer = trained.tokenizer
    return pack_texts(
        tokenizer.vocabulary,
        [tokenizer.tokenize(tf.constant(column, tf.string)) for column in texts],
        max_length=trained.settings.max_length,
        pad_to_multiple_of=1,
    )


def _named(trained: TrainedModel, rows: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Names the tokens of rows without padding, int32 [length] each, and pads ids and names."""
    vocabulary = trained.tokenizer.vocabulary
    shape = [len(rows), trained.settings.max_length]
    token_ids = np.full(shape, vocabulary.pad_id, np.int32)
    tokens = np.full(shape, b"", object)
    for number, row in enumerate(rows):
        token_ids[number, : len(row)] = row
        tokens[number, : len(row)] = [vocabulary.tokens[token_id].encode() for token_id in row]
    return {"token_ids": token_ids, "tokens": tokens}


def _fill_mask_scores(trained: TrainedModel, texts: Sequence[bytes]) -> np.ndarray:
    """Fills each text by itself: [n, masks, k], 0 where a text has no such mask."""
    top = min(TOP_TOKENS, len(trained.tokenizer.vocabulary))
    scores = np.zeros([len(texts), max(text.count(MASK.encode()) for text in texts), top])
    for row, text in enumerate(texts):
        token_ids = _ids_with_masks(trained, text)
        places = np.flatnonzero(token_ids == trained.tokenizer.vocabulary.mask_id)
        if places.size:
            inputs = {
                "token_ids": token_ids[np.newaxis],
                "segment_ids": np.zeros_like(token_ids)[np.newaxis],
                "padding_mask": np.ones_like(token_ids)[np.newaxis],
                "mask_positions": places[np.newaxis].astype(np.int32),
            }
            logits = trained.model(inputs, training=False)["logits"].numpy().astype(np.float64)
            scores[row, : places.size] = np.sort(_softmax(logits[0]))[:, : -top - 1 : -1]
    return scores


def _ids_with_masks(trained: TrainedModel, text: bytes) -> np.ndarray:
    vocabulary = trained.tokenizer.vocabulary
    token_ids: list[int] = []
    for number, piece in enumerate(text.split(MASK.encode())):
        token_ids += [vocabulary.mask_id] if number else []
        token_ids += trained.tokenizer.tokenize([piece]).flat_values.numpy().tolist()
    room = trained.settings.max_length - 2
    return np.array([vocabulary.cls_id, *token_ids[:room], vocabulary.sep_id], np.int32)


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)
