"""The body of a request, unpacked, and never larger than allowed."""

import asyncio
import zlib

from aiohttp import web

from keras_bert_cls.server.rest.http_errors import HttpError

_GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: web.Request, max_bytes: int) -> bytes:
    """Returns the body; what is said to be gzip and is not is empty, as for TensorFlow Serving.

    Raises:
      HttpError: the body is too large, packed or unpacked, or breaks off.
    """
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise _too_large(max_bytes) from None
    except web.RequestPayloadError:
        raise HttpError(400, "The body is broken") from None
    if "gzip" not in request.headers.get("Content-Encoding", ""):
        return body
    # It may take a while, which other requests need not wait.
    return await asyncio.to_thread(_unpacked, body, max_bytes)


def _unpacked(body: bytes, max_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacker.decompress(body, max_bytes)
    except zlib.error:
        return b""
    if unpacker.unconsumed_tail:
        raise _too_large(max_bytes)
    return unpacked if unpacker.eof else b""


def _too_large(max_bytes: int) -> HttpError:
    return HttpError(413, f"The body is larger than {max_bytes} bytes")
