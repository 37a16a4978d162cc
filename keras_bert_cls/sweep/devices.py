"""Each worker's share of the machine. Imports no TensorFlow, which would take the GPUs."""

import os
import pathlib

from keras_bert_cls.cpus import usable_cpus

_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
_NVIDIA_GPUS = pathlib.Path("/proc/driver/nvidia/gpus")


def visible_gpus(gpus: pathlib.Path = _NVIDIA_GPUS) -> list[str]:
    """Returns the GPUs that this process may use: CUDA_VISIBLE_DEVICES, or else all there are.

    Args:
      gpus: the driver's folder, which has an entry for each.
    """
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [name for name in given.split(",") if name and name != "-1"]
    return [str(number) for number, _ in enumerate(gpus.iterdir())] if gpus.is_dir() else []


def worker_environment(worker: int, workers: int, gpus: list[str]) -> dict[str, str]:
    """Returns the environment by which a worker keeps to its share.

    Args:
      worker: counts from 0.
      workers: that run at once.
      gpus: from `visible_gpus`; workers beyond their number share them.
    """
    threads = str(max(1, usable_cpus() // workers))
    environment = dict.fromkeys(_THREADS, threads)
    if gpus:
        environment["CUDA_VISIBLE_DEVICES"] = gpus[worker % len(gpus)]
        if workers > len(gpus):
            environment["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    return environment
