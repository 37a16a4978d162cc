"""One loaded version, without a server around it."""

import concurrent.futures
import json
import time

import numpy as np
import pytest

from keras_bert_cls.server.options import ServerOptions
from keras_bert_cls.server.servable import SessionOptions, load_servable
from keras_bert_cls.server.status_errors import ServingError


def run_slow(servable):
    """Keeps a graph busy for a while; returns the CPU seconds of this thread and of all."""
    texts = np.empty(1, object)
    texts[:] = [b"0.2"]
    thread, process = time.thread_time(), time.process_time()
    servable.run(servable.signature("slow"), {"seconds": texts}, ["seconds"])
    return time.thread_time() - thread, time.process_time() - process


def test_a_worker_computes_on_its_own_thread(classifier_folder):
    # With a pool of one thread, batches of several workers would wait for each other there.
    inter_op = ServerOptions.tensorflow_inter_op_parallelism
    options = SessionOptions(intra_op=1, inter_op=inter_op)
    servable = load_servable("tiny", 1, classifier_folder, options)
    with concurrent.futures.ThreadPoolExecutor(1) as worker:
        of_thread, of_all = worker.submit(run_slow, servable).result()
    servable.close()
    assert of_thread > of_all / 2


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ({"format": 1, "max_length": 77}, 77),
        ({"format": 1}, 512),
        ({"format": 1, "max_length": "long"}, 512),
        ({"format": 99, "max_length": 77}, 512),
        (None, 512),
    ],
)
def test_max_tokens(tmp_path, classifier_folder, card, expected):
    for part in ("saved_model.pb", "variables"):
        (tmp_path / part).symlink_to(classifier_folder / part)
    if card is not None:
        (tmp_path / "assets.extra").mkdir()
        (tmp_path / "assets.extra" / "model_card.json").write_text(json.dumps(card))
    servable = load_servable("tiny", 1, tmp_path, SessionOptions())
    assert servable.max_tokens == expected
    servable.close()


def test_other_tags(classifier_folder):
    with pytest.raises(ServingError, match="cannot be loaded"):
        load_servable("tiny", 1, classifier_folder, SessionOptions(tags=("train",)))
