"""A masked language model in plain Python: one text at a time, unpadded, in float64."""

import math

import numpy as np

from keras_bert_cls.modeling.trained_model import TrainedModel

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def ids_of(trained: TrainedModel, text: str, masks: bool = True) -> list[int]:
    """Returns a text's token ids with [CLS] and [SEP], cut to fit; [MASK]s count with `masks`."""
    vocabulary = trained.tokenizer.vocabulary
    found = []
    for number, piece in enumerate(text.split("[MASK]") if masks else [text]):
        found += [vocabulary.mask_id] if number else []
        encoded = piece.encode("utf-8", "surrogatepass")
        found += trained.tokenizer.tokenize([encoded]).values.numpy().tolist()
    found = found[: trained.settings.max_length - 2]
    return [vocabulary.cls_id, *found, vocabulary.sep_id]


def log_shares(trained: TrainedModel, token_ids: list[int], places: list[int]) -> np.ndarray:
    """Returns the logarithms of all tokens' probabilities at places, [places, vocabulary]."""
    logits = trained.model(
        {
            "token_ids": np.array([token_ids], np.int32),
            "segment_ids": np.zeros([1, len(token_ids)], np.int32),
            "padding_mask": np.ones([1, len(token_ids)], np.int32),
            "mask_positions": np.array([places], np.int32),
        },
        training=False,
    )["logits"]
    logits = logits.numpy()[0].astype(np.float64)
    logits -= logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def token_scores(trained: TrainedModel, text: str, word_l2r: bool = False) -> list[float]:
    """Scores each token of a text by its definition."""
    tokens = trained.tokenizer.vocabulary.tokens
    token_ids = ids_of(trained, text, masks=False)
    scores = []
    for place in range(1, len(token_ids) - 1):
        hidden = list(token_ids)
        hidden[place] = tokens.index("[MASK]")
        following = place + 1
        while word_l2r and tokens[token_ids[following]].startswith("##"):
            hidden[following] = tokens.index("[MASK]")
            following += 1
        scores.append(log_shares(trained, hidden, [place])[0, token_ids[place]])
    return scores


def mask_predict(trained: TrainedModel, text: str, passes: int, choose) -> tuple[list, list]:
    """Fills a text's masks as section 3 of the paper says.

    Args:
      trained: the model.
      text: the text.
      passes: T.
      choose: (number of the pass, number of the mask, log shares) → token id.

    Returns:
      The masks' tokens, and the probabilities that they had.
    """
    tokens = trained.tokenizer.vocabulary.tokens
    token_ids = ids_of(trained, text)
    places = [place for place, token in enumerate(token_ids) if tokens[token] == "[MASK]"]
    shares = [0.0] * len(places)
    for number in range(passes):
        count = math.floor(len(places) * (passes - number) / passes + 1e-9)
        again = sorted(range(len(places)), key=lambda mask: (shares[mask], mask))[:count]
        for mask in again:
            token_ids[places[mask]] = tokens.index("[MASK]")
        if not again:
            break
        for mask, logs in zip(
            again, log_shares(trained, token_ids, [places[mask] for mask in again]), strict=True
        ):
            token_ids[places[mask]] = choose(number, mask, logs)
            shares[mask] = math.exp(logs[token_ids[places[mask]]])
    return [tokens[token_ids[place]] for place in places], shares


def likeliest(trained: TrainedModel):
    """Returns a `choose` for `mask_predict`: the likeliest token that is not special."""
    allowed = [token not in SPECIAL for token in trained.tokenizer.vocabulary.tokens]
    return lambda number, mask, logs: int(np.argmax(np.where(allowed, logs, -np.inf)))
