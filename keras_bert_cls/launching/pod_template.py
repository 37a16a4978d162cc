"""The pod that each worker is, the same for all kinds of jobs."""

from collections.abc import Sequence
from typing import Any

from keras_bert_cls.launching.manifest_options import ManifestOptions

Document = dict[str, Any]
"""What YAML is made of."""

CLUSTER_PORT = 2222

_USER = 1000  # of the Dockerfile


def metadata(options: ManifestOptions) -> Document:
    """Returns the metadata of the job, and of what belongs to it."""
    named = {"name": options.name}
    if options.namespace:
        named["namespace"] = options.namespace
    return {**named, "labels": labels(options)}


def labels(options: ManifestOptions) -> dict[str, str]:
    """Returns the labels by which the job's pods are found."""
    return {"app.kubernetes.io/name": "keras-bert-cls", "app.kubernetes.io/instance": options.name}


def pod_template(
    options: ManifestOptions,
    command: Sequence[str],
    container: str,
    port: str,
    **more: Any,
) -> Document:
    """Returns a pod template with one container.

    Args:
      options: of the job.
      command: as Kubernetes reads it: $(NAME) is a variable, $$ a dollar sign.
      container: its name.
      port: the name of the port that the workers talk over.
      **more: fields of the pod's spec.
    """
    mounts = [{"name": "runs", "mountPath": options.mount_path}]
    volumes: list[Document] = [
        {"name": "runs", "persistentVolumeClaim": {"claimName": options.volume_claim}}
    ]
    if options.gpus > 1:  # NCCL passes data between a pod's GPUs there; 64 MB is the default.
        mounts.append({"name": "shared-memory", "mountPath": "/dev/shm"})
        volumes.append({"name": "shared-memory", "emptyDir": {"medium": "Memory"}})
    worker: Document = {
        "name": container,
        "image": options.image,
        "command": list(command),
        "ports": [{"name": port, "containerPort": CLUSTER_PORT}],
        "volumeMounts": mounts,
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    if options.gpus:
        worker["resources"] = {"limits": {"nvidia.com/gpu": options.gpus}}
    spec = {
        **more,
        "terminationGracePeriodSeconds": round(options.grace_seconds),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
        },
        "containers": [worker],
        "volumes": volumes,
    }
    return {"metadata": {"labels": labels(options)}, "spec": spec}


def literal(command: Sequence[str]) -> list[str]:
    """Returns a command so that Kubernetes takes it word for word."""
    return [argument.replace("$", "$$") for argument in command]
