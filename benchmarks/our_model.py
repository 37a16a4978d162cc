"""Worker: our export, run in this process."""

import os
import time

from benchmarks.peers.timed_batches import timed_batches
from benchmarks.peers.worker_loop import answer_requests

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

_loaded = {}


def load(folder: str) -> dict[str, float]:
    """Loads an export; tells the seconds that it took."""
    if threads := int(os.environ.get("TF_NUM_INTRAOP_THREADS", "0")):
        # Classifier spreads the rows of a batch over the CPUs that its process may use.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    started = time.perf_counter()
    from keras_bert_cls.inference import Classifier

    imported = time.perf_counter()
    _loaded["classifier"] = Classifier.load(folder, intra_op_threads=1)
    return {"import_seconds": imported - started, "seconds": time.perf_counter() - imported}


def predict(batches: list[list[str]], answers: bool = False) -> dict[str, object]:
    """Classifies batches of texts."""
    classifier = _loaded["classifier"]

    def call(batch):
        found = classifier.predict(batch, batch_size=len(batch))
        return [one.label for one in found], [list(one.probabilities.values()) for one in found]

    return timed_batches(call, batches, answers)


if __name__ == "__main__":
    answer_requests({"load": load, "predict": predict})
