"""Draws the requests of a load test."""

import dataclasses
import random

from keras_bert_cls.client.requests import predict_request
from keras_bert_cls.loadtest.load import Question
from keras_bert_cls.text.token_estimate import estimated_tokens


@dataclasses.dataclass(frozen=True)
class DrawnRequest:
    """A request, ready to be sent.

    Attributes:
      content: a serialized PredictRequest.
      tokens: of its texts, roughly.
    """

    content: bytes
    tokens: int


class RequestMix:
    """Makes requests of texts drawn at random, with repetition.

    Args:
      question: what they have in common.
      stream: names the sequence of draws; equal streams of a seed draw the same.
    """

    def __init__(self, question: Question, stream: str):
        self._question = question
        self._random = random.Random(f"{question.seed} {stream}")
        self._spec = question.model.spec()
        self._spec.signature_name = question.signature_name

    def draw(self) -> DrawnRequest:
        """Returns the next request."""
        question = self._question
        rows = range(question.rows)
        columns = {
            name: self._random.choices(question.texts, k=question.rows) for name in question.inputs
        }
        tokens = sum(estimated_tokens(text) for texts in columns.values() for text in texts)
        request = predict_request(self._spec, columns, rows)
        return DrawnRequest(request.SerializeToString(), tokens)

    def seconds_to_next(self, rate: float) -> float:
        """Returns the time to the next arrival of a Poisson process of `rate` a second."""
        return self._random.expovariate(rate)
