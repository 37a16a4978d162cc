"""A run as a TFJob of the Kubeflow Training Operator (kubeflow.org/v1)."""

from collections.abc import Sequence

from keras_bert_cls.launching.manifest_options import ManifestOptions
from keras_bert_cls.launching.pod_template import Document, literal, metadata, pod_template


def tfjob(options: ManifestOptions, command: Sequence[str]) -> list[Document]:
    """Returns the manifest's documents.

    Workers only, no Chief: the operator writes every kind of replica into TF_CONFIG, and with
    workers only its task numbers are those of --cluster, where worker 0 is the chief. All workers
    must end: by default a TFJob is done, and its other pods are removed, when worker 0 is.

    Restarts are OnFailure. ExitCode would end the job for good at codes below 128, and so at 42 and
    75, after which the same command resumes. The price: a user error (1, 2) comes as often as
    backoffLimit allows. The operator counts every container's restart, and a failure restarts all.
    """
    # The operator finds the container and its port by these names.
    template = pod_template(options, literal(command), container="tensorflow", port="tfjob-port")
    return [
        {
            "apiVersion": "kubeflow.org/v1",
            "kind": "TFJob",
            "metadata": metadata(options),
            "spec": {
                "successPolicy": "AllWorkers",
                "runPolicy": {
                    "cleanPodPolicy": "Running",
                    "backoffLimit": options.max_restarts * options.workers,
                },
                "tfReplicaSpecs": {
                    "Worker": {
                        "replicas": options.workers,
                        "restartPolicy": "OnFailure",
                        "template": template,
                    }
                },
            },
        }
    ]
