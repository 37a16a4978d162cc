"""The manifests for Kubernetes and KServe are what these take, and fit the config files.

Checked against Kubernetes' published schemas, which kubernetes-validate carries, with unknown
fields refused. KServe's schema is written here, after the definition of serving.kserve.io/v1beta1,
for the fields in use. No cluster was asked.
"""

import shutil
import subprocess

import jsonschema
import kubernetes_validate
import pytest
import yaml
from absl import flags
from json_schemas import strict
from serving_manifests import (
    SERVING,
    applied,
    config_map,
    container,
    documents,
    kustomization,
    one,
    predictor,
    servers,
)

from keras_bert_cls.cli.serve_flags import define_flags
from keras_bert_cls.server.config_messages import read_config_message

VERSIONS = ("1.29", "1.31", kubernetes_validate.utils.latest_version())
STRING = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 1}


def list_of(schema):
    return {"type": "array", "items": schema, "minItems": 1}


QUANTITIES = {
    "type": "object",
    "propertyNames": {"enum": ["cpu", "memory"]},
    "additionalProperties": {"type": "string", "pattern": r"^\d+(m|[KMG]i)?$"},
}
INFERENCE_SERVICE = strict(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "serving.kserve.io/v1beta1"},
    kind={"const": "InferenceService"},
    metadata=strict(["name"], name=STRING, labels={"type": "object"}),
    spec=strict(
        ["predictor"],
        predictor=strict(
            ["model"],
            minReplicas={"type": "integer", "minimum": 0},
            maxReplicas=COUNT,
            scaleMetric={"enum": ["cpu", "memory", "concurrency", "rps"]},
            scaleTarget=COUNT,
            timeout=COUNT,
            canaryTrafficPercent={"type": "integer", "minimum": 0, "maximum": 100},
            model=strict(
                ["modelFormat", "storageUri"],
                modelFormat=strict(["name"], name={"const": "tensorflow"}, version=STRING),
                runtimeVersion=STRING,
                storageUri={"type": "string", "pattern": "^(pvc|s3|gs|https)://"},
                args=list_of({"type": "string", "pattern": "^--[a-z_]+=."}),
                resources=strict([], requests=QUANTITIES, limits=QUANTITIES),
                volumeMounts=list_of(
                    strict(
                        ["name", "mountPath"],
                        name=STRING,
                        mountPath=STRING,
                        readOnly={"type": "boolean"},
                    )
                ),
            ),
            volumes=list_of(
                strict(["name", "configMap"], name=STRING, configMap=strict(["name"], name=STRING))
            ),
        ),
    ),
)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "document",
    [*applied(), *documents("kubernetes/model_writer.yaml")],
    ids=lambda found: f"{found['kind']} {found['metadata']['name']}",
)
def test_the_manifests_follow_kubernetes_schemas(document, version):
    kubernetes_validate.validate(document, version, strict=True)


def test_the_inference_service_follows_its_schema():
    (document,) = documents("kserve/inference_service.yaml")
    jsonschema.validate(document, INFERENCE_SERVICE)
    document["spec"]["predictor"]["model"]["arguments"] = []
    with pytest.raises(jsonschema.ValidationError, match="arguments"):
        jsonschema.validate(document, INFERENCE_SERVICE)


def test_every_manifest_is_applied_or_named_by_the_runbook():
    listed = set(kustomization()["resources"])
    there = {f"kubernetes/{path.name}" for path in (SERVING / "kubernetes").iterdir()}
    assert listed == there - {"kubernetes/model_writer.yaml"}


def test_the_config_map_holds_all_config_files_word_for_word():
    files = {path.name: path.read_text() for path in (SERVING / "config").iterdir()}
    assert config_map()["data"] == files
    # Otherwise each change of a label would start all pods again.
    assert kustomization()["generatorOptions"] == {"disableNameSuffixHash": True}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
def test_kubectl_makes_the_same():
    run = subprocess.run(
        ["kubectl", "kustomize", SERVING], check=True, capture_output=True, text=True
    )
    made = [each for each in yaml.safe_load_all(run.stdout) if each]

    def key(document):
        return document["kind"], document["metadata"]["name"]

    assert sorted(made, key=key) == sorted(applied(), key=key)


def test_pods_mount_what_there_is():
    spec = one("Deployment")["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    mounts = {mount["name"]: mount for mount in container()["volumeMounts"]}
    assert set(mounts) == set(volumes)
    assert volumes["config"]["configMap"]["name"] == config_map()["metadata"]["name"]
    claim = one("PersistentVolumeClaim", "bertcls-models")["metadata"]["name"]
    assert volumes["models"]["persistentVolumeClaim"] == {"claimName": claim, "readOnly": True}
    assert mounts["models"]["readOnly"]
    (writer,) = documents("kubernetes/model_writer.yaml")
    (volume,) = writer["spec"]["volumes"]
    assert volume["persistentVolumeClaim"] == {"claimName": claim}
    assert predictor()["volumes"] == [volumes["config"]]
    assert predictor()["model"]["storageUri"] == f"pvc://{claim}/classifier"


def test_labels_ports_and_targets_meet():
    deployment = one("Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    ports = {port["name"]: port["containerPort"] for port in container()["ports"]}
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    for name in ("bertcls-serving", "bertcls-serving-pods"):
        service = one("Service", name)["spec"]
        assert service["selector"] == labels
        assert {p["port"]: ports[p["targetPort"]] for p in service["ports"]}.items() <= {
            (8500, 8500),
            (8501, 8501),
        }
    assert one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    target = one("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"])
    assert "replicas" not in deployment["spec"]  # Else each apply would undo the autoscaler.
    assert "cpu" in container()["resources"]["requests"]  # The autoscaler's 70 % are of this.


def test_pods_run_with_few_rights():
    context = one("Deployment")["spec"]["template"]["spec"]["securityContext"]
    assert context["runAsNonRoot"] and context["runAsUser"] > 0
    rights = container()["securityContext"]
    assert rights["readOnlyRootFilesystem"] and not rights["allowPrivilegeEscalation"]
    assert rights["capabilities"] == {"drop": ["ALL"]}


def test_a_stopping_pod_has_time_to_be_forgotten():
    spec = one("Deployment")["spec"]["template"]["spec"]
    seconds = int(container()["lifecycle"]["preStop"]["exec"]["command"][1])
    assert 10 <= seconds < spec["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("place", servers())
def test_both_servers_take_the_flags(place):
    arguments, cores = servers()[place]
    values = flags.FlagValues()
    define_flags(values)
    # KServe gives the model itself.
    model = ["--model_base_path=/mnt/models"] if place == "kserve" else []
    assert values(["bertcls-serve", *arguments, *model]) == ["bertcls-serve"]
    batching = read_config_message(
        "BatchingParameters", SERVING / "config/batching_parameters.txt", "flag"
    )
    threads = values.tensorflow_inter_op_parallelism, batching.num_batch_threads.value
    assert threads == (int(cores), int(cores))
    assert values.tensorflow_intra_op_parallelism == 1
    mounted = [values.batching_parameters_file, values.monitoring_config_file]
    if place != "kserve":
        mounted.append(values.model_config_file)
        assert values.allow_version_labels_for_unavailable_models
    files = {f"/config/{path.name}" for path in (SERVING / "config").iterdir()}
    assert set(mounted) <= files


def test_compose_and_kubernetes_start_the_same_server():
    assert servers()["compose"][0] == servers()["kubernetes"][0]
    kserve, _ = servers()["kserve"]
    assert set(kserve) <= set(servers()["kubernetes"][0])
