"""The tf.distribute strategy of a run."""

import json
import os

import tensorflow as tf

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.run_options import RunOptions

_JOBS = ("chief", "worker")


def make_strategy(options: RunOptions) -> tf.distribute.Strategy:
    """Returns the strategy that options ask for.

    With several workers this waits until all of them are there. Parameter servers are left out:
    their updates are asynchronous, so that no run could be repeated or resumed exactly.

    Raises:
      UserError: the cluster or the devices are not as the options say.
    """
    options.check()
    cluster = _cluster(options)
    kind = _kind(options, cluster)
    devices = _devices(options)
    if kind == "one":
        return tf.distribute.OneDeviceStrategy(devices[0])
    if kind == "mirrored":
        return tf.distribute.MirroredStrategy(devices, cross_device_ops=_cross_device_ops(options))
    if cluster is None:
        raise UserError(
            "--strategy=multi_worker needs the addresses of all workers: give --cluster=host:port,"
            "host:port and --task, or set TF_CONFIG, or start with bertcls-launch"
        )
    if len(devices) > 1 and devices[0].startswith("CPU"):
        raise UserError(
            f"--devices: a worker without GPUs has one device, got {options.devices}; start more "
            "workers instead"
        )
    communication = tf.distribute.experimental.CommunicationImplementation[
        options.communication.upper()
    ]
    return tf.distribute.MultiWorkerMirroredStrategy(
        cluster_resolver=cluster,
        communication_options=tf.distribute.experimental.CommunicationOptions(
            implementation=communication
        ),
    )


def _kind(options: RunOptions, cluster) -> str:
    if options.strategy != "auto":
        return options.strategy
    if cluster is not None and sum(map(len, cluster.cluster_spec().as_dict().values())) > 1:
        return "multi_worker"
    gpus = len(tf.config.list_physical_devices("GPU"))
    return "mirrored" if (options.devices or gpus) > 1 else "one"


def _cluster(options: RunOptions) -> tf.distribute.cluster_resolver.ClusterResolver | None:
    if options.cluster:
        return tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": list(options.cluster)}),
            task_type="worker",
            task_id=options.task,
        )
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return None
    try:
        content = json.loads(text)
        jobs = content.get("cluster", {})
        task = content.get("task", {})
        if jobs and (
            task["type"] not in jobs or not 0 <= int(task["index"]) < len(jobs[task["type"]])
        ):
            raise ValueError(f"task {task} is not in the cluster")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f'TF_CONFIG must be {{"cluster": {{"worker": ["host:port", …]}}, "task": {{"type": '
            f'"worker", "index": 0}}}}, got {text!r:.200}: {error}'
        ) from error
    if not jobs:
        return None
    if others := sorted(set(jobs) - set(_JOBS)):
        raise UserError(
            f"TF_CONFIG names {', '.join(others)}; a cluster has only chief and worker here: there "
            "are no parameter servers, and the chief evaluates"
        )
    return tf.distribute.cluster_resolver.TFConfigClusterResolver()


def _devices(options: RunOptions) -> list[str]:
    """Returns the names of this machine's devices that are used, made visible to TensorFlow."""
    gpus = tf.config.list_physical_devices("GPU")
    wanted = options.devices or max(1, len(gpus))
    if options.strategy == "one":
        wanted = 1
    try:
        if not gpus:
            return _logical_cpus(wanted)
        if wanted > len(gpus):
            raise UserError(f"--devices is {wanted}, but this machine has {len(gpus)} GPUs")
        tf.config.set_visible_devices(gpus[:wanted], "GPU")
        for gpu in gpus[:wanted]:
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError as error:
        raise UserError(
            f"--devices={wanted}: TensorFlow has already started with other devices: {error}. Make "
            "the strategy before anything else, or in a process of its own."
        ) from error
    return [f"GPU:{index}" for index in range(wanted)]


def _logical_cpus(count: int) -> list[str]:
    cpu = tf.config.list_physical_devices("CPU")[0]
    if count > 1 and len(tf.config.get_logical_device_configuration(cpu) or [cpu]) != count:
        configuration = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(cpu, configuration)
    return [f"CPU:{index}" for index in range(count)]


def _cross_device_ops(options: RunOptions) -> tf.distribute.CrossDeviceOps | None:
    return tf.distribute.NcclAllReduce() if options.communication == "nccl" else None
