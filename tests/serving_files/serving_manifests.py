"""What the manifests in serving/ hold."""

import pathlib

import yaml

SERVING = pathlib.Path(__file__).parents[2] / "serving"


def documents(path):
    """Returns the documents of a YAML file below serving/."""
    return list(yaml.safe_load_all((SERVING / path).read_text()))


def kustomization():
    (found,) = documents("kustomization.yaml")
    return found


def config_map():
    """Returns the ConfigMap that kustomize makes, by its documented rules."""
    (generator,) = kustomization()["configMapGenerator"]
    files = {name.rpartition("/")[2]: (SERVING / name).read_text() for name in generator["files"]}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": generator["name"], "labels": generator["options"]["labels"]},
        "data": files,
    }


def applied():
    """Returns all that `kubectl apply --kustomize serving` applies."""
    listed = [each for path in kustomization()["resources"] for each in documents(path)]
    return [config_map(), *listed]


def one(kind, name="bertcls-serving"):
    (found,) = [
        each for each in applied() if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]
    return found


def compose_service():
    (found,) = documents("docker-compose.yaml")
    return found["services"]["serving"]


def container():
    (found,) = one("Deployment")["spec"]["template"]["spec"]["containers"]
    return found


def predictor():
    (found,) = documents("kserve/inference_service.yaml")
    return found["spec"]["predictor"]


# Every place that starts a server: its flags, its cores.
def servers():
    limits = compose_service()["deploy"]["resources"]["limits"]
    model = predictor()["model"]
    return {
        "compose": (compose_service()["command"], limits["cpus"]),
        "kubernetes": (container()["args"], container()["resources"]["limits"]["cpu"]),
        "kserve": (model["args"], model["resources"]["limits"]["cpu"]),
    }
