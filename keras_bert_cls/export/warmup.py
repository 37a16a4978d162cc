"""The requests that TensorFlow Serving runs on a new version before it takes traffic.

https://www.tensorflow.org/tfx/serving/saved_model_warmup. Without them the first callers wait for
lazy initialization (469 ms against 2 ms on a small model).
"""

import pathlib
from collections.abc import Iterator

import tensorflow as tf

from keras_bert_cls.export.requests import PredictionLog, build_request
from keras_bert_cls.export.task_signatures import asked_task
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.text.vocabulary import MASK

WARMUP_FILE = pathlib.PurePath("assets.extra") / "tf_serving_warmup_requests"
MOST_REQUESTS = 1000
BATCH_SIZES = (1, 8, 32)
LENGTH_FRACTIONS = (0.25, 0.5, 1.0)
# A request of batch x length tokens above this is left out: it would cost a large model on a small
# machine seconds, and warm nothing that the smaller ones do not.
LARGEST_REQUEST_TOKENS = 2048
# These compute a text of m tokens m times.
_SCORES = ("score", "score_word_l2r")
_SCORED_TOKENS = 8


def warmup_requests(trained: TrainedModel, signatures: list[str]) -> list[PredictionLog]:
    """Makes requests over signatures x batch sizes x lengths; at most 1000, the server's limit.

    Where many tasks have many signatures, each has fewer: the smallest.
    """
    most = MOST_REQUESTS // len(signatures)
    return [
        request
        for signature in signatures
        for request in list(_requests_for(trained, signature))[:most]
    ]


def _requests_for(trained: TrainedModel, signature: str) -> Iterator[PredictionLog]:
    task, _ = asked_task(trained.settings, signature)
    settings = trained.settings.tasks[task] if task else trained.settings
    longest = settings.max_length
    lengths = sorted({max(1, round(longest * fraction)) for fraction in LENGTH_FRACTIONS})
    for batch_size in BATCH_SIZES:
        for length in [min(_SCORED_TOKENS, longest)] if signature in _SCORES else lengths:
            if batch_size == 1 or batch_size * length <= LARGEST_REQUEST_TOKENS:
                texts = _texts(settings, length, batch_size)
                yield build_request(trained, signature, *texts)


def write_warmup(folder: pathlib.Path, requests: list[PredictionLog]) -> None:
    """Writes the requests into the SavedModel `folder`."""
    path = folder / WARMUP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in requests:
            writer.write(request.SerializeToString())


def read_warmup(folder: pathlib.Path) -> Iterator[PredictionLog]:
    """Reads the requests from the SavedModel `folder`."""
    return map(PredictionLog.FromString, read_records(folder))


def read_records(folder: pathlib.Path) -> Iterator[bytes]:
    """Reads the requests from the SavedModel `folder`, serialized.

    Raises:
      tf.errors.DataLossError: a record is cut off or its checksum is wrong.
    """
    for record in tf.data.TFRecordDataset(str(folder / WARMUP_FILE)):
        yield record.numpy()


def _texts(settings: ModelSettings, length: int, batch_size: int) -> list[list[bytes]]:
    """Makes texts that pack to `length` tokens: a Chinese character is one, known or [UNK]."""
    pair = settings.text_pair
    tokens = max(length - (3 if pair else 2), 0)
    if pair:
        texts = ["测" * (tokens - tokens // 2), "试" * (tokens // 2)]
    elif settings.task == "masked_lm":
        texts = ["测" * (tokens - 1) + MASK]
    else:
        texts = ["测" * tokens]
    return [[text.encode()] * batch_size for text in texts]
