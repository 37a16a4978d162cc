"""Manifests are what Kubernetes takes, and wire the workers together.

Checked against Kubernetes' published schemas, which kubernetes-validate carries, with unknown
fields refused: the Job, its Service, and pods. TFJob is no part of Kubernetes; its schema is
written here, after the Training Operator's resource definition (kubeflow.org/v1), and covers the
fields above the pod template; the template is checked as a pod. What schemas cannot say, a
cluster's own checks say: those that concern us are tests of their own. No cluster was asked.
"""

import pathlib
import re
import shlex
import tomllib

import jsonschema
import kubernetes_validate
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from json_schemas import strict

from keras_bert_cls.cli.launch import main
from keras_bert_cls.errors import UserError
from keras_bert_cls.launching.manifest import KINDS, manifest
from keras_bert_cls.launching.manifest_options import ManifestOptions
from keras_bert_cls.launching.pod_template import literal

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "configs" / "kubernetes"
# To the newest that is known here. Schemas before 1.29 demand onPodConditions of every rule.
VERSIONS = ("1.29", "1.31", kubernetes_validate.utils.latest_version())

COUNT = {"type": "integer", "minimum": 1}


REPLICAS = strict(
    ["replicas", "restartPolicy", "template"],
    replicas=COUNT,
    restartPolicy={"enum": ["Always", "OnFailure", "Never", "ExitCode"]},
    template={"type": "object"},
)
TFJOB = strict(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "kubeflow.org/v1"},
    kind={"const": "TFJob"},
    metadata={"type": "object"},
    spec=strict(
        ["tfReplicaSpecs"],
        successPolicy={"enum": ["", "AllWorkers"]},
        enableDynamicWorker={"type": "boolean"},
        runPolicy=strict(
            [],
            cleanPodPolicy={"enum": ["All", "Running", "None"]},
            backoffLimit={"type": "integer", "minimum": 0},
            activeDeadlineSeconds=COUNT,
            ttlSecondsAfterFinished={"type": "integer", "minimum": 0},
            suspend={"type": "boolean"},
        ),
        tfReplicaSpecs=strict(
            [], **dict.fromkeys(["Chief", "Master", "Worker", "PS", "Evaluator"], REPLICAS)
        ),
    ),
)


def options(**changes):
    given = {"name": "news", "image": "example.org/bert:1", "volume_claim": "runs"}
    return ManifestOptions(**{**given, **changes})


def documents(kind, command=("bertcls-pretrain", "--workdir", "/runs/x"), **changes):
    text = manifest(kind, options(**changes), command, made_by="a test")
    return list(yaml.safe_load_all(text))


def job(**changes):
    return documents("job", **changes)[-1]


def pod(kind, **changes):
    """Returns the pods' template."""
    spec = documents(kind, **changes)[-1]["spec"]
    return spec["template"] if kind == "job" else spec["tfReplicaSpecs"]["Worker"]["template"]


CASES = pytest.mark.parametrize(
    "changes",
    [
        {},
        {"workers": 1},
        {"gpus": 1},
        {"gpus": 8, "workers": 16, "namespace": "team-a", "mount_path": "/runs/x"},
        {"max_restarts": 0, "grace_seconds": 12.5},
    ],
)


@CASES
@pytest.mark.parametrize("version", VERSIONS)
def test_a_job_and_its_service_follow_the_schema(changes, version):
    for document in documents("job", **changes):
        kubernetes_validate.validate(document, version, strict=True)


@CASES
@pytest.mark.parametrize("version", VERSIONS)
def test_a_tfjob_follows_the_schema(changes, version):
    (document,) = documents("tfjob", **changes)
    jsonschema.validate(document, TFJOB)
    template = pod("tfjob", **changes)
    metadata = {**document["metadata"], **template["metadata"]}
    as_pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    kubernetes_validate.validate(as_pod, version, strict=True)


def test_the_schemas_refuse_unknown_fields():
    wrong = job()
    wrong["spec"]["template"]["spec"]["containers"][0]["imagePolicy"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError, match="imagePolicy"):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)
    (wrong,) = documents("tfjob")
    wrong["spec"]["backoffLimit"] = 3  # belongs into runPolicy
    with pytest.raises(jsonschema.ValidationError, match="backoffLimit"):
        jsonschema.validate(wrong, TFJOB)


@pytest.mark.parametrize("namespace", ["", "team-a"])
def test_the_service_names_the_pods_of_a_job(namespace):
    service, found = documents("job", workers=3, namespace=namespace)
    template = found["spec"]["template"]
    container = template["spec"]["containers"][0]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    assert template["spec"]["subdomain"] == service["metadata"]["name"]
    port = service["spec"]["ports"][0]["port"]
    assert container["ports"][0]["containerPort"] == port
    # The hostname of an indexed Job's pod is the Job's name and its index.
    tail = f".{namespace}.svc" if namespace else ""
    name = found["metadata"]["name"]
    cluster = ",".join(f"{name}-{i}.{service['metadata']['name']}{tail}:{port}" for i in range(3))
    assert container["command"][-2:] == [f"--cluster={cluster}", "--task=$(JOB_COMPLETION_INDEX)"]


def test_all_workers_of_a_job_run_at_once():
    spec = job(workers=3)["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 3)


def test_a_job_of_one_worker_needs_no_cluster():
    (found,) = documents("job", workers=1)
    container = found["spec"]["template"]["spec"]["containers"][0]
    assert container["command"] == ["bertcls-pretrain", "--workdir", "/runs/x"]
    assert "subdomain" not in found["spec"]["template"]["spec"]


def test_failures_of_a_job():
    spec = job(max_restarts=7)["spec"]
    assert spec["backoffLimit"] == 7
    # What the schema does not say: podFailurePolicy needs Never, values ascend and hold no 0.
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    rules = spec["podFailurePolicy"]["rules"]
    assert [(rule["action"], rule["onExitCodes"]["values"]) for rule in rules[:2]] == [
        ("FailJob", [1, 2]),
        ("Ignore", [42, 75]),
    ]
    names = {container["name"] for container in spec["template"]["spec"]["containers"]}
    assert {rule["onExitCodes"]["containerName"] for rule in rules[:2]} == names
    assert rules[2] == {
        "action": "Ignore",
        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
    }


def test_a_tfjob_restarts_after_every_code_and_is_done_when_all_workers_are():
    (found,) = documents("tfjob", workers=3, max_restarts=7)
    spec = found["spec"]
    assert list(spec["tfReplicaSpecs"]) == ["Worker"]
    assert spec["tfReplicaSpecs"]["Worker"]["restartPolicy"] == "OnFailure"
    assert spec["runPolicy"]["backoffLimit"] == 21  # A failure restarts all three.
    assert spec["successPolicy"] == "AllWorkers"
    container = pod("tfjob")["spec"]["containers"][0]
    # The operator puts TF_CONFIG into the container of this name, and takes this port.
    assert container["name"] == "tensorflow"
    assert container["ports"] == [{"name": "tfjob-port", "containerPort": 2222}]


@pytest.mark.parametrize("kind", KINDS)
def test_pods(kind):
    spec = pod(kind, gpus=2, grace_seconds=90.0, mount_path="/runs")["spec"]
    container = spec["containers"][0]
    assert container["resources"] == {"limits": {"nvidia.com/gpu": 2}}
    assert spec["terminationGracePeriodSeconds"] == 90
    assert spec["volumes"][0]["persistentVolumeClaim"] == {"claimName": "runs"}
    assert container["volumeMounts"][0] == {"name": "runs", "mountPath": "/runs"}
    assert spec["volumes"][1]["emptyDir"] == {"medium": "Memory"}
    assert "resources" not in pod(kind, gpus=0)["spec"]["containers"][0]


def expand(argument, variables):
    """Expands a container's argument as Kubernetes documents it."""
    return re.sub(
        r"\$(\$|\((\w+)\))", lambda found: variables.get(found[2], found[0]) if found[2] else "$",
        argument,
    )  # fmt: skip


@given(st.lists(st.text(alphabet="$()A ", max_size=8), min_size=1))
def test_kubernetes_takes_the_command_word_for_word(command):
    assert [expand(argument, {"A": "wrong"}) for argument in literal(command)] == command


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "News"}, "--name: expected small letters"),
        ({"name": "9lives"}, "--name: expected small letters"),
        ({"name": "n" * 56}, "at most 63 long"),
        ({"namespace": "team_a"}, "--namespace: expected small letters"),
        ({"mount_path": "runs"}, "--mount_path: expected a path from /"),
        ({"mount_path": "/data"}, "--workdir: expected a folder under /data"),
    ],
)
def test_what_kubernetes_would_refuse(kind, changes, message):
    with pytest.raises(UserError, match=message):
        documents(kind, **changes)


@pytest.mark.parametrize("workdir", [["--workdir=runs/x"], ["--workdir", "/runsx"]])
def test_a_workdir_outside_of_the_volume(workdir):
    with pytest.raises(UserError, match="it would be lost with its pod"):
        documents("job", command=("bertcls-finetune", *workdir))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_manifests_are_what_their_command_makes(path, capsys):
    text = path.read_text()
    comment = [line[2:] for line in text.splitlines() if line.startswith("# ")]
    program, *arguments = shlex.split("\n".join(comment).replace("\\\n", " "))
    assert program == "bertcls-launch"
    assert main(arguments) == 0
    assert capsys.readouterr().out == text


def test_one_manifest_is_shipped_for_each_kind():
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {f"pretrain_{kind}" for kind in KINDS}


def test_the_image_fits_the_manifests():
    lines = (FOLDER / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    steps = [line.split() for line in lines if line and not line.startswith("#")]
    copied = [source for step in steps if step[0] == "COPY" for source in step[1:-1]]
    assert copied
    assert [source for source in copied if not (ROOT / source).exists()] == []
    user = next(step[1] for step in reversed(steps) if step[0] == "USER")
    context = pod("job")["spec"]["securityContext"]
    assert user == f"{context['runAsUser']}:{context['runAsGroup']}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    installed = re.search(r'pip install .*"\.\[(\w+)\]"', "\n".join(lines))
    assert installed and installed[1] in project["optional-dependencies"]
