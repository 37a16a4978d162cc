"""docker-compose.yaml is what compose takes; the schema here covers the fields in use."""

import re

import jsonschema
from json_schemas import strict
from serving_manifests import SERVING, compose_service, container, documents

STRING = {"type": "string", "minLength": 1}
STRINGS = {"type": "array", "items": STRING, "minItems": 1}
DURATION = {"type": "string", "pattern": r"^\d+(us|ms|s|m|h)$"}


BIND = strict(
    ["type", "source", "target"],
    type={"const": "bind"},
    source=STRING,
    target={"type": "string", "pattern": "^/"},
    read_only={"type": "boolean"},
)
SERVICE = strict(
    ["image"],
    image=STRING,
    entrypoint=STRINGS,
    init={"type": "boolean"},
    command=STRINGS,
    user=STRING,
    read_only={"type": "boolean"},
    cap_drop=STRINGS,
    security_opt=STRINGS,
    ports={"type": "array", "items": {"type": "string", "pattern": r"^[\d.]+:\d+:\d+$"}},
    volumes={"type": "array", "items": BIND},
    tmpfs=STRINGS,
    healthcheck=strict(
        ["test"],
        test={"type": "array", "items": STRING, "minItems": 2},
        interval=DURATION,
        timeout=DURATION,
        retries={"type": "integer", "minimum": 1},
        start_period=DURATION,
    ),
    deploy=strict(
        ["resources"],
        resources=strict(
            ["limits"],
            limits=strict(
                [],
                cpus={"type": "string", "pattern": r"^\d+(\.\d+)?$"},
                memory={"type": "string", "pattern": r"^\d+[KMG]$"},
            ),
        ),
    ),
    stop_grace_period=DURATION,
    restart={"enum": ["no", "always", "on-failure", "unless-stopped"]},
)
COMPOSE = strict(["services"], name=STRING, services={"additionalProperties": SERVICE})


def test_the_file_follows_the_schema():
    (document,) = documents("docker-compose.yaml")
    jsonschema.validate(document, COMPOSE)


def test_nothing_is_writable_or_open_to_the_network():
    service = compose_service()
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert all(volume["read_only"] for volume in service["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_paths_are_there():
    sources = {volume["target"]: volume["source"] for volume in compose_service()["volumes"]}
    assert (SERVING / sources["/config"]).is_dir()
    assert re.fullmatch(r"\$\{MODELS:-\.\./exported\}", sources["/models"])


def test_no_dollar_is_left_to_compose():
    """Compose would take it for a variable of its own."""
    assert "$" not in str(compose_service()["healthcheck"])


def test_the_image_is_that_of_kubernetes():
    assert compose_service()["image"] == container()["image"] == "tensorflow/serving:2.20.0"
