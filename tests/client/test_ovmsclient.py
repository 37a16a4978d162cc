"""A third-party client, in an environment of its own, against the embedded server."""

import json
import subprocess
import sys

import pytest
import tiny_models

TEXTS = ["", "好吃！", "a rather long text about nothing"]
PROGRAM = """
import json, sys
import ovmsclient

address, *texts = sys.argv[1:]
client = ovmsclient.make_grpc_client(address)
status = client.get_model_status(model_name="tiny", model_version=1)
metadata = client.get_model_metadata(model_name="tiny", model_version=1)
answers = client.predict(
    inputs={"text": [text.encode() for text in texts]}, model_name="tiny", model_version=1
)
try:
    client.predict(inputs={"text": [b"a"]}, model_name="absent", model_version=1)
except ovmsclient.tfs_compat.base.errors.ModelNotFoundError as error:
    refusal = str(error)
print(
    json.dumps(
        {
            "status": status,
            "metadata": metadata,
            "labels": [label.decode() for label in answers["label"].ravel()],
            "probabilities": answers["probabilities"].tolist(),
            "refusal": refusal,
        }
    )
)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of an environment with ovmsclient."""
    folder = tmp_path_factory.mktemp("ovmsclient")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
    interpreter = folder / "bin/python"
    installed = subprocess.run(
        [interpreter, "-m", "pip", "install", "--quiet", "ovmsclient"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if installed.returncode != 0:
        pytest.skip(f"pip cannot install ovmsclient: {installed.stderr[-500:]}")
    return interpreter


@pytest.mark.slow
def test_ovmsclient(python, server, tmp_path):
    answered = subprocess.run(
        [python, "-I", "-c", PROGRAM, server.address, *TEXTS],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        check=False,
    )
    assert answered.returncode == 0, answered.stderr
    answers = json.loads(answered.stdout.splitlines()[-1])
    assert answers["status"]["1"]["state"] == "AVAILABLE"
    assert answers["metadata"]["inputs"]["text"]["dtype"] == "DT_STRING"
    assert set(answers["metadata"]["outputs"]) == {"label", "score", "probabilities"}
    for text, label, row in zip(TEXTS, answers["labels"], answers["probabilities"], strict=True):
        expected = tiny_models.expected_scores(text)
        assert row == pytest.approx(expected, rel=1e-5, abs=1e-7)
        assert label == tiny_models.LABELS[expected.index(max(expected))]
    assert "Servable not found for request: Specific(absent, 1)" in answers["refusal"]
