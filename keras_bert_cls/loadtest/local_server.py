"""bertcls-serve as a process of its own, for measurements on this machine."""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence

from keras_bert_cls.errors import UserError

_LISTENING = "listening on "
_STOP_SECONDS = 30
_LINES_OF_LOG = 5


@contextlib.contextmanager
def local_server(arguments: Sequence[str]) -> Iterator[str]:
    """Runs bertcls-serve on a free port of 127.0.0.1 until the block ends; gives its "host:port".

    Args:
      arguments: flags of bertcls-serve, without --port.

    Raises:
      UserError: it did not start; says the end of its log.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "keras_bert_cls.cli.serve", "--port=0", *arguments],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            line = server.stdout.readline() if server.stdout else ""
            if not line.startswith(_LISTENING):
                server.wait(_STOP_SECONDS)
                log.seek(0)
                said = "".join(log.readlines()[-_LINES_OF_LOG:]).strip()
                raise UserError(f"bertcls-serve does not start: {said}")
            yield line.removeprefix(_LISTENING).strip()
        finally:
            server.terminate()
            server.communicate(timeout=_STOP_SECONDS)
