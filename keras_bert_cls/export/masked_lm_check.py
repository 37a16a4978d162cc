"""Whether an export scores and fills texts as its Keras model does, a few short texts of them."""

from collections.abc import Callable, Mapping

import numpy as np

from keras_bert_cls.export.mask_predict import barred_tokens
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.text.vocabulary import MASK, is_suffix, text_of

_WORDS = 6  # of a text; one of m tokens is computed m times
_Call = Callable[[str, Mapping[str, np.ndarray]], dict[str, np.ndarray]]


def masked_lm_problem(trained: TrainedModel, call: _Call, tolerance: float) -> str:
    """Compares scores, and what masks are filled with, with the Keras model.

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
    masked = [_Masked(trained, text[:9]) for text in texts]
    masked = [text for text in masked if len(text.places) == 2]
    if not masked:  # The model reads too few tokens for two masks.
        return ""
    return _fill_mask_problem(call, masked, tolerance) or _infill_problem(call, masked, tolerance)


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


class _Masked:
    """A text with two masks at its end.

    Attributes:
      text: with the masks.
      token_ids: int32 [length].
      places: where masks are, int [masks].
    """

    def __init__(self, trained: TrainedModel, start: str):
        self.trained, self.text = trained, f"{start} {MASK}{MASK}"
        self.vocabulary = trained.tokenizer.vocabulary
        self.token_ids = _packed(trained, start, masks=2)
        self.places = np.flatnonzero(self.token_ids == self.vocabulary.mask_id)
        self.allowed = ~np.array(barred_tokens(self.vocabulary))

    def shares(self, known: Mapping[int, int] | None = None) -> np.ndarray:
        """Returns the probabilities of tokens for both masks, [2, vocabulary].

        Args:
          known: the tokens of masks that are filled, by mask.
        """
        token_ids = self.token_ids.copy()
        for mask, token_id in (known or {}).items():
            token_ids[self.places[mask]] = token_id
        logits = _logits(self.trained, token_ids[np.newaxis], self.places[np.newaxis])[0]
        return np.exp(logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True))

    def ids_of(self, tokens: np.ndarray) -> np.ndarray:
        """Returns the ids of tokens, bytes of any shape; of [UNK] for others."""
        ids = {token.encode(): number for number, token in enumerate(self.vocabulary.tokens)}
        return np.vectorize(lambda token: ids.get(token, self.vocabulary.unk_id))(tokens)

    def filled(self, words: list[str]) -> str:
        """Returns the text with words in place of its masks, without blanks."""
        return "".join(self.text.replace(MASK * 2, "".join(words)).split())


def _fill_mask_problem(call: _Call, texts: list[_Masked], tolerance: float) -> str:
    """Looks up the tokens: they must have the probabilities that stand beside them."""
    answer = call("fill_mask", {"text": _strings([text.text for text in texts])})
    for row, text in enumerate(texts):
        tokens = answer["tokens"][row]
        found = text.ids_of(tokens)
        shares = np.take_along_axis(text.shares(), found, axis=1)
        off = np.abs(shares - answer["scores"][row]).max()
        if not off <= tolerance or any(len(set(ids)) < len(ids) for ids in found.tolist()):
            return (
                f"signature fill_mask fills {text.text!r} with {tokens.tolist()}, off by {off:.3g}."
            )
        words = [text_of(token.decode()) for token in tokens[:, 0]]
        sequence = answer["sequence"][row].decode()
        if "".join(sequence.split()) != text.filled(words):
            return f"signature fill_mask writes {sequence!r}, expected {text.text!r} with {words}."
    return ""


def _infill_problem(call: _Call, texts: list[_Masked], tolerance: float) -> str:
    """Fills with the likeliest tokens in one pass, and in two."""
    if not texts[0].allowed.any():
        return ""
    rows = len(texts)
    for passes in (1, 2):
        settings: dict[str, np.ndarray] = {
            "seed": np.zeros(rows, np.int64),
            "passes": np.full(rows, passes, np.int32),
            "temperature": np.zeros(rows, np.float32),
            "top_k": np.zeros(rows, np.int32),
            "top_p": np.ones(rows, np.float32),
        }
        answer = call("infill", {"text": _strings([text.text for text in texts]), **settings})
        for row, text in enumerate(texts):
            tokens, scores = answer["tokens"][row], answer["scores"][row]
            found = text.ids_of(tokens)
            off = _infill_off(text, found, scores, passes, tolerance)
            if not off <= tolerance or not text.allowed[found].all():
                return (
                    f"signature infill fills {text.text!r} in {passes} passes with "
                    f"{tokens.tolist()}, off by {off:.3g}."
                )
            words = [text_of(token.decode()) for token in tokens]
            sequence = answer["sequence"][row].decode()
            if "".join(sequence.split()) != text.filled(words):
                return f"signature infill writes {sequence!r}, expected {text.text!r} with {words}."
    return ""


def _infill_off(
    text: _Masked, found: np.ndarray, scores: np.ndarray, passes: int, tolerance: float
) -> float:
    """Returns how far scores are from those of the tokens, and these from the best ones."""

    def off(shares: np.ndarray, masks: list[int]) -> float:
        best = shares[:, text.allowed].max(-1)
        both = [scores - best, scores - shares[[0, 1], found]]
        return float(np.abs(both)[:, masks].max())

    first = text.shares()
    if passes == 1:
        return off(first, [0, 1])
    # The second pass predicts the less sure mask again; as good as equal ones may be either.
    sureness = first[:, text.allowed].max(-1)
    again = [mask for mask in (0, 1) if sureness[mask] <= sureness[1 - mask] + tolerance]
    return min(
        max(off(first, [1 - mask]), off(text.shares({1 - mask: found[1 - mask]}), [mask]))
        for mask in again
    )


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
