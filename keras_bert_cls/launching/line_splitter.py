"""Cuts what a process writes into lines."""

import re

LINE_LIMIT = 1 << 16
"""The longest line in bytes; longer ones are cut."""

_ENDS = re.compile(rb"([\r\n])")


class LineSplitter:
    r"""Cuts a stream of bytes into lines, however the stream is cut into chunks.

    Lines end with \n, \r\n, or, as those of progress bars do, with \r alone. An empty line that \r
    alone ends is left out: it is a bar's way to start.

    Args:
      limit: the longest line in bytes; what is longer is cut, not within a UTF-8 character.
    """

    def __init__(self, limit: int = LINE_LIMIT):
        self._limit = limit
        self._rest = b""
        self._returned = False  # The last byte was a \r …
        self._given_out = False  # … whose line was given out already.

    def feed(self, chunk: bytes) -> list[bytes]:
        """Returns the lines that `chunk` completes, without their ends."""
        lines: list[bytes] = []
        for piece in _ENDS.split(chunk):
            if piece == b"\r":
                self._returned, self._given_out = True, bool(self._rest)
                if self._rest:
                    lines.append(self._take())
            elif piece == b"\n":
                if not (self._returned and self._given_out):
                    lines.append(self._take())
                self._returned = False
            elif piece:
                self._returned = False
                self._rest += piece
                lines.extend(self._cut())
        return lines

    def finish(self) -> list[bytes]:
        """Returns the last line, if the stream ended without an end of line."""
        return [self._take()] if self._rest else []

    def _take(self) -> bytes:
        line, self._rest = self._rest, b""
        return line

    def _cut(self) -> list[bytes]:
        pieces = []
        start = 0
        while len(self._rest) - start > self._limit:
            end = start + self._limit
            while self._rest[end] & 0xC0 == 0x80 and end > start + max(self._limit - 3, 1):
                end -= 1  # a byte that continues a character
            pieces.append(self._rest[start:end])
            start = end
        self._rest = self._rest[start:]
        return pieces
