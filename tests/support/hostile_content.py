"""Seeded hostile content: texts, bytes, and what mutation makes of good ones."""

import random

_PIECES = (
    "a",
    "word ",
    "好",
    "吃！",
    "😡",
    "é",
    "\x00",
    "\u202e",
    "\u0301",
    "\ud7ff",
    "\ufffd",
    "[CLS]",
    "[MASK]",
    "##",
    "../../etc/passwd",
    "%s%n",
    "\r\n\r\n",
    "'; DROP TABLE x",
    "{{7*7}}",
)
_LONG_ONCE_IN = 200
_LONG_REPEATS = 20_000


def text(generator: random.Random) -> bytes:
    """Returns a text: short, empty, long now and then, and not always UTF-8."""
    if generator.randrange(_LONG_ONCE_IN) == 0:
        return generator.choice(_PIECES).encode() * generator.randrange(_LONG_REPEATS)
    if generator.randrange(5) == 0:
        return generator.randbytes(generator.randrange(20))
    return "".join(generator.choices(_PIECES, k=generator.randrange(8))).encode()


def mutated(generator: random.Random, good: bytes) -> bytes:
    """Returns `good` with bytes changed, cut out, doubled or put in."""
    data = bytearray(good)
    for _ in range(generator.randrange(1, 6)):
        place = generator.randrange(len(data) + 1)
        match generator.randrange(4):
            case 0:
                data[place : place + 1] = generator.randbytes(1)
            case 1:
                del data[place : place + generator.randrange(8)]
            case 2:
                data[place:place] = data[place : place + generator.randrange(16)]
            case 3:
                data[place:place] = generator.randbytes(generator.randrange(8))
    return bytes(data)
