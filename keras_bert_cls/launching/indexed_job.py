"""A run as a plain Kubernetes Job with one pod a worker, and the Service that names them."""

from collections.abc import Sequence

from keras_bert_cls.launching.exit_codes import USER_ERRORS
from keras_bert_cls.launching.manifest_options import ManifestOptions
from keras_bert_cls.launching.pod_template import (
    CLUSTER_PORT,
    Document,
    labels,
    literal,
    metadata,
    pod_template,
)
from keras_bert_cls.training.run_options import PEER_LOST, PREEMPTED

_CONTAINER = "worker"
_PORT = "cluster"


def indexed_job(options: ManifestOptions, command: Sequence[str]) -> list[Document]:
    """Returns the manifest's documents: with several workers a Service, then the Job.

    The pod of index I is called NAME-I, also after a restart, and the Service of the same name
    gives it an address. A pod that saved (42), lost another worker (75) or was evicted is started
    again and not counted; a user error (1, 2) ends the job; other failures count.
    """
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(options),
        "spec": {
            "completionMode": "Indexed",
            "completions": options.workers,
            "parallelism": options.workers,
            "backoffLimit": options.max_restarts,
            "podFailurePolicy": {"rules": _failure_rules()},
            "template": pod_template(
                options,
                [*literal(command), *_cluster_flags(options)],
                container=_CONTAINER,
                port=_PORT,
                restartPolicy="Never",  # podFailurePolicy demands it: the Job starts a new pod.
                **({"subdomain": options.name} if options.workers > 1 else {}),
            ),
        },
    }
    return [_service(options), job] if options.workers > 1 else [job]


def _failure_rules() -> list[Document]:
    def on_exit_codes(*codes: int) -> Document:
        return {
            "containerName": _CONTAINER,
            "operator": "In",
            "values": sorted(codes),
        }

    return [
        {"action": "FailJob", "onExitCodes": on_exit_codes(*USER_ERRORS)},
        {"action": "Ignore", "onExitCodes": on_exit_codes(PREEMPTED, PEER_LOST)},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ]


def _cluster_flags(options: ManifestOptions) -> list[str]:
    if options.workers == 1:
        return []
    domain = f"{options.name}.{options.namespace}.svc" if options.namespace else options.name
    hosts = [f"{options.name}-{index}.{domain}" for index in range(options.workers)]
    cluster = ",".join(f"{host}:{CLUSTER_PORT}" for host in hosts)
    return [f"--cluster={cluster}", "--task=$(JOB_COMPLETION_INDEX)"]


def _service(options: ManifestOptions) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(options),
        "spec": {
            "clusterIP": "None",  # headless: a name for each pod instead of one address for all
            "selector": labels(options),
            "publishNotReadyAddresses": True,  # Workers look for each other while they start.
            "ports": [{"name": _PORT, "port": CLUSTER_PORT}],
        },
    }
