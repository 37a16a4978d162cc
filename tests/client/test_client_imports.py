"""The client works where TensorFlow is not installed."""

import subprocess
import sys

PROGRAM = """
import sys

class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"tensorflow", "keras", "tensorflow_serving", "numpy"}:
            raise ImportError(f"{name} was imported")

sys.meta_path.insert(0, Refusing())
import asyncio
from keras_bert_cls.client import AsyncClient, Client

with Client(sys.argv[1], "tiny") as client:
    assert client.is_ready()
    assert "serving_default" in client.metadata()
    print(client.predict(["好吃！"])[0].label, client.classify(["好吃！"])[0].label)

async def ask():
    async with AsyncClient(sys.argv[1], "tiny") as client:
        print((await client.predict(["好吃！"]))[0].label)

asyncio.run(ask())
assert not {"tensorflow", "keras", "tensorflow_serving", "numpy"} & set(sys.modules)
"""


def test_a_prediction_without_tensorflow(server):
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, server.address],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "medium medium\nmedium\n"), result.stderr
