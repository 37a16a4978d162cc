"""Seeded hostile HTTP requests for a server of the tiny classifier, as bytes on the wire."""

import gzip
import json
import random
from typing import Any

from hostile_content import mutated, text

_PATHS = (
    *("/v1/models/tiny:predict",) * 12,
    *("/v1/models/tiny:classify",) * 3,
    *("/v1/models/tiny:regress",) * 2,
    "/v1/models/tiny",
    "/v1/models/tiny/metadata",
    "/v1/models/tiny/versions/1:predict",
    "/v1/models/tiny/versions/999999999999999999999999:predict",
    "/v1/models/tiny/labels/%00:predict",
    "/v1/models/..%2f..%2fetc%2fpasswd",
    "/v1/models/../../../../etc/passwd",
    "/../../etc/passwd",
    "/monitoring/prometheus/metrics",
    "/",
    "*",
    "http://elsewhere/v1/models/tiny",
)
_METHODS = ("POST",) * 10 + ("GET", "GET", "PUT", "DELETE", "HEAD", "TRACE", "CONNECT", "X")
_SIGNATURES = ("serving_default", "pair", "tokens", "classify", "regress", "x", 7, None)


def hostile_http(generator: random.Random) -> tuple[bytes, bool]:
    """Returns the bytes of one request, and whether it must get an answer.

    A server may wait for the rest of the others, or see two requests in them.
    """
    body = _body(generator)
    is_whole = True
    headers = [b"Host: x", b"Connection: close", b"Content-Length: %d" % len(body)]
    match generator.randrange(20):
        case 0:
            body = gzip.compress(body)
            headers[2] = b"Content-Length: %d" % len(body)
            headers.append(b"Content-Encoding: gzip")
        case 1:
            headers.append(b"Content-Encoding: gzip")
        case 2:
            is_whole = False
            headers[2] = generator.choice(
                (
                    b"Content-Length: -1",
                    b"Content-Length: 99999999999999999999",
                    b"Content-Length: 5\r\nContent-Length: 6",
                    b"Transfer-Encoding: chunked",
                    b"Content-Length: %d" % (len(body) + 9),
                )
            )
        case 3:
            is_whole = False
            headers.append(b"X: " + generator.randbytes(generator.randrange(60)))
        case 4:
            headers.append(b"X: " + b"a" * generator.choice((8_000, 70_000)))
    line = f"{generator.choice(_METHODS)} {generator.choice(_PATHS)} HTTP/1.1"
    request = b"\r\n".join([line.encode(), *headers, b"", body])
    match generator.randrange(20):
        case 0:
            return generator.randbytes(generator.randrange(200)), False
        case 1:
            return mutated(generator, request), False
    return request, is_whole


def _body(generator: random.Random) -> bytes:
    match generator.randrange(8):
        case 0:
            return b"[" * generator.choice((10, 5_000, 50_000))
        case 1:
            return generator.randbytes(generator.randrange(80))
    document = json.dumps(_document(generator)).encode()
    return mutated(generator, document) if generator.randrange(4) == 0 else document


def _document(generator: random.Random) -> Any:
    if generator.randrange(2):  # right but for what is in it
        texts = [_value(generator, 0) for _ in range(generator.randrange(1, 4))]
        examples = [{"text": text} for text in texts]
        return {"instances": texts} if generator.randrange(2) else {"examples": examples}
    document: dict[str, Any] = {}
    if generator.randrange(2):
        document["signature_name"] = generator.choice(_SIGNATURES)
    key = generator.choice(("instances", "inputs", "examples", "context", "x"))
    document[key] = _value(generator, 3)
    if generator.randrange(10) == 0:
        document[generator.choice(("instances", "inputs", "context"))] = _value(generator, 2)
    return document if generator.randrange(20) else [document]


def _value(generator: random.Random, depth: int) -> Any:
    kind = generator.randrange(12 if depth else 8)
    match kind:
        case 0:
            return generator.choice((0, -1, 2**31, 2**63, 2**64, 10**400, 1.5, 1e308))
        case 1:
            return generator.choice((True, False, None, float("nan"), float("inf")))
        case 2:
            return {"b64": generator.choice(("5aW9", "*", "", "5aW", 7))}
        case 8:
            return [_value(generator, 0)] * generator.randrange(4)
        case 9 | 10:
            return [_value(generator, depth - 1) for _ in range(generator.randrange(4))]
        case 11:
            names = generator.choices(("text", "text_pair", "ids", "inputs", "x"), k=2)
            return {name: _value(generator, depth - 1) for name in names}
    return text(generator).decode("utf-8", "replace")
