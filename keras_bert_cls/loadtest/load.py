"""What a load test asks, and how often."""

import dataclasses

from keras_bert_cls.client.endpoint import Endpoint
from keras_bert_cls.client.requests import ModelChoice


@dataclasses.dataclass(frozen=True)
class ClosedLoop:
    """So many clients ask, each on its own connection, the next request after the last answer.

    What a fixed number of busy callers sees. A server that stalls is asked less meanwhile, so
    these latencies say little about users who arrive whenever they like.
    """

    concurrency: int

    def share(self, index: int, count: int) -> "ClosedLoop":
        """Returns the load of process `index` of `count`."""
        return ClosedLoop(self.concurrency // count + (index < self.concurrency % count))

    def __str__(self) -> str:
        return f"{self.concurrency} clients" if self.concurrency > 1 else "1 client"


@dataclasses.dataclass(frozen=True)
class OpenLoop:
    """Requests arrive at random times (a Poisson process), `rate` a second, come what may.

    Latency counts from the time at which a request was to be sent. So a server that stalls is
    charged for everybody who came meanwhile.
    """

    rate: float

    def share(self, index: int, count: int) -> "OpenLoop":
        """Returns the load of process `index` of `count`."""
        return OpenLoop(self.rate / count)

    def __str__(self) -> str:
        return f"{self.rate:g} requests/s"


Load = ClosedLoop | OpenLoop


@dataclasses.dataclass(frozen=True)
class Question:
    """What every request of a test has in common.

    Attributes:
      endpoint: the server.
      model: the model and version.
      signature_name: of the Predict API.
      inputs: names of the signature's inputs, all of them vectors of strings.
      texts: in UTF-8; each request draws from them.
      rows: texts of a request.
      timeout: seconds that a request may take.
      seed: of what is drawn and of the arrival times.
    """

    endpoint: Endpoint
    model: ModelChoice
    signature_name: str
    inputs: tuple[str, ...]
    texts: list[bytes]
    rows: int = 1
    timeout: float = 10.0
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Period:
    """How long a load lasts.

    Attributes:
      warmup_seconds: at the start; requests of that time are not counted.
      seconds: that are counted.
    """

    warmup_seconds: float
    seconds: float
