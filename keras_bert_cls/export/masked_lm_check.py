"""Whether an export scores and fills texts as its Keras model does, a few short texts of them."""

from collections.abc import Callable, Mapping

import numpy as np

from keras_bert_cls.export.mask_predict import barred_tokens
from keras_bert_cls.export.masked_texts import MASK
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.text.vocabulary import is_suffix

_WORDS = 6  # of a text; one of m tokens is computed m times
_Call = Callable[[str, Mapping[str, np.ndarray]], dict[str, np.ndarray]]


def masked_lm_problem(trained: TrainedModel, call: _Call, tolerance: float) -> str:
    """Compares the signatures `score`, `score_word_l2r` and `infill` with the Keras model.

    Args:
      trained: the model.
      call: runs a signature of the export.
      tolerance: how far a log-likelihood may be off for each of its tokens, and a probability.

    Returns:
      What is wrong; "" where all is right.
    """
    words = [
        token
        for token in trained.tokenizer.vocabulary.tokens
        if token.isalnum() and token.isascii()
    ]
    words = [*words[-_WORDS:], "unaffable", "一", "！"]
    texts = [" ".join(words[start::2][:_WORDS]) for start in range(2)]
    for signature in ("score", "score_word_l2r"):
        answer = call(signature, {"text": _strings([*texts, ""])})
        for row, text in enumerate([*texts, ""]):
            scores = _token_scores(trained, text, signature != "score")
            found, tokens = answer["log_likelihood"][row], answer["num_tokens"][row]
            difference = abs(found - scores.sum()) / max(len(scores), 1)
            if tokens != len(scores) or not difference <= tolerance:  # NaN fails too
                return (
                    f"signature {signature} gives {text!r} {found:.6g} for {tokens} tokens, the "
                    f"Keras model {scores.sum():.6g} for {len(scores)}."
                )
    return _infill_problem(trained, call, [f"{text[:9]} {MASK}{MASK}" for text in texts], tolerance)


def _token_scores(trained: TrainedModel, text: str, hides_rest: bool) -> np.ndarray:
    """Returns the logarithms of the probabilities of a text's tokens, float64 [tokens].

    A token's word is masked from it on with `hides_rest`; else it alone.
    """
    vocabulary = trained.tokenizer.vocabulary
    token_ids = _packed(trained, text)
    places = np.arange(1, len(token_ids) - 1)
    masked = np.repeat(token_ids[np.newaxis], len(places), axis=0)
    for row, place in enumerate(places):
        end = place + 1
        while hides_rest and is_suffix(vocabulary.tokens[token_ids[end]]):
            end += 1
        masked[row, place:end] = vocabulary.mask_id
    if not len(places):
        return np.zeros(0)
    logits = _logits(trained, masked, places[:, np.newaxis])[:, 0]
    return logits[places - 1, token_ids[places]] - np.logaddexp.reduce(logits, axis=-1)


def _infill_problem(trained: TrainedModel, call: _Call, texts: list[str], tolerance: float) -> str:
    """Fills in one pass: each mask gets the likeliest token that is not barred."""
    rows = len(texts)
    settings: dict[str, np.ndarray] = {
        "seed": np.zeros(rows, np.int64),
        "passes": np.ones(rows, np.int32),
        "temperature": np.zeros(rows, np.float32),
        "top_k": np.zeros(rows, np.int32),
        "top_p": np.ones(rows, np.float32),
    }
    answer = call("infill", {"text": _strings(texts), **settings})
    vocabulary = trained.tokenizer.vocabulary
    allowed = ~np.array(barred_tokens(vocabulary))
    for text, tokens, scores in zip(texts, answer["tokens"], answer["scores"], strict=True):
        token_ids = _packed(trained, text.replace(MASK, ""), masks=2)
        places = np.flatnonzero(token_ids == vocabulary.mask_id)
        if len(places) < 2 or not allowed.any():
            continue
        logits = _logits(trained, token_ids[np.newaxis], places[np.newaxis])[0]
        shares = np.exp(logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True))
        best = shares[:, allowed].max(-1)
        found = [vocabulary.id_of(token.decode()) for token in tokens]
        off = np.abs([scores - best, scores - shares[[0, 1], found]]).max()
        if not off <= tolerance or not allowed[found].all():
            return f"signature infill fills {text!r} with {tokens.tolist()}, off by {off:.3g}."
    return ""


def _packed(trained: TrainedModel, text: str, masks: int = 0) -> np.ndarray:
    """Returns a text's token ids with those of masks after it, int32 [length], cut to fit."""
    vocabulary = trained.tokenizer.vocabulary
    token_ids = trained.tokenizer.tokenize([text]).values.numpy().tolist()
    token_ids = [*token_ids, *[vocabulary.mask_id] * masks][: trained.settings.max_length - 2]
    return np.array([vocabulary.cls_id, *token_ids, vocabulary.sep_id], np.int32)


def _logits(trained: TrainedModel, token_ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Returns float64 [n, masks, vocabulary] for token_ids [n, length], positions [n, masks]."""
    inputs = {
        "token_ids": token_ids,
        "segment_ids": np.zeros_like(token_ids),
        "padding_mask": np.ones_like(token_ids),
        "mask_positions": positions.astype(np.int32),
    }
    return trained.model(inputs, training=False)["logits"].numpy().astype(np.float64)


def _strings(texts: list[str]) -> np.ndarray:
    return np.array([text.encode() for text in texts], object)
