"""What the texts of requests are like to the model: length, truncation, unknown words.

The graph of an export tokenizes by itself and tells nobody. So a sample of the texts is tokenized
once more, on a thread of its own, with the vocabulary that the export brings along.
"""

import dataclasses
import pathlib
import time

import tensorflow as tf

from keras_bert_cls.errors import UserError
from keras_bert_cls.export.model_card import read_model_card
from keras_bert_cls.server.computation import Computation
from keras_bert_cls.text.tokenizer import Tokenizer

_TEXTS = ("text", "text_pair")
_EXAMPLES = "inputs"


@dataclasses.dataclass(frozen=True)
class TextSample:
    """What a sample of texts is like.

    Attributes:
      lengths: tokens of each row, special tokens included, before truncation.
      truncated: rows that the model cuts.
      tokens: of all rows, special tokens not included.
      unknown_tokens: [UNK]s among them.
      seconds: that tokenizing took.
    """

    lengths: list[int]
    truncated: int
    tokens: int
    unknown_tokens: int
    seconds: float


class TextStatistics:
    """Tokenizes like one version of a model; `measure` may run on any thread.

    Args:
      tokenizer: that of the export.
      max_length: to which it cuts rows.
    """

    def __init__(self, tokenizer: Tokenizer, max_length: int):
        self._max_length = max_length
        unknown_id = tokenizer.vocabulary.unk_id

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def count(texts):
            tokens = tokenizer.tokenize(texts)
            unknown = tf.math.count_nonzero(tokens.flat_values == unknown_id)
            return tokens.row_lengths(), unknown

        self._count = count.get_concrete_function()
        self._count(tf.constant([""]))  # The first run takes long.

    @classmethod
    def of_export(cls, path: pathlib.Path) -> "TextStatistics | None":
        """Returns the statistics of an export of ours at `path`; None for other SavedModels."""
        try:
            card = read_model_card(path)
            settings = card["tokenizer"]
            tokenizer = Tokenizer.from_vocab(
                path / "assets" / "vocab.txt", settings["lowercase"], settings["strip_accents"]
            )
            return cls(tokenizer, card["max_length"])
        except (UserError, KeyError, TypeError):
            return None

    def measure(self, computation: Computation, max_rows: int) -> TextSample | None:
        """Measures the first rows of a computation; None if it has no texts."""
        columns = _texts_of(computation, max_rows)
        if not columns or not columns[0]:
            return None
        start = time.perf_counter()
        lengths = [1 + len(columns)] * len(columns[0])
        unknown_tokens = 0
        for column in columns:
            row_lengths, unknown = self._count(tf.constant(column, tf.string))
            lengths = [
                sum(pair) for pair in zip(lengths, row_lengths.numpy().tolist(), strict=True)
            ]
            unknown_tokens += int(unknown)
        return TextSample(
            lengths=lengths,
            truncated=sum(length > self._max_length for length in lengths),
            tokens=sum(lengths) - (1 + len(columns)) * len(lengths),
            unknown_tokens=unknown_tokens,
            seconds=time.perf_counter() - start,
        )


def _texts_of(computation: Computation, max_rows: int) -> list[list[bytes]]:
    """Returns one or two columns of texts; none where the computation has other inputs."""
    inputs = computation.inputs
    if _TEXTS[0] in inputs:
        return [inputs[name][:max_rows].tolist() for name in _TEXTS if name in inputs]
    if computation.api == "Predict" or _EXAMPLES not in inputs:
        return []
    columns: dict[str, list[bytes]] = {}
    for serialized in inputs[_EXAMPLES][:max_rows].tolist():
        features = tf.train.Example.FromString(serialized).features.feature
        for name in _TEXTS:
            if name in features:
                columns.setdefault(name, []).extend(features[name].bytes_list.value[:1])
    return list(columns.values()) if len({len(c) for c in columns.values()}) == 1 else []
