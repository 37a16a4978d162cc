"""The key under which two texts are the same: hashes, so that millions of them fit in memory."""

import hashlib
import unicodedata

_DIGEST_BYTES = 16
_BETWEEN_TEXTS = "\0"  # stands in no comparable text


def text_key(text: str, text_pair: str | None = None) -> bytes:
    """Returns 16 bytes that are the same for texts that differ in nothing a reader would see.

    Case, width (`，` and `,`), white space at the ends or repeated, and invisible characters make
    no difference. An example of two texts is never the same as one of a single text.
    """
    comparable = comparable_text(text)
    if text_pair is not None:
        comparable += _BETWEEN_TEXTS + comparable_text(text_pair)
    return hashlib.blake2b(
        comparable.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES
    ).digest()


def comparable_text(text: str) -> str:
    """Returns a text without what no reader sees: NFKC, case-folded, single spaces.

    The result of a result is the result itself.
    """
    if not text.isprintable():
        text = "".join(filter(_is_visible, text))
    if text.isascii():
        folded = text.lower()
    else:
        folded = unicodedata.normalize("NFKC", text).casefold()
        # Folding may undo the normalisation, and the other way round, once.
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())
    return " ".join(folded.split())


def _is_visible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) not in ("Cc", "Cf")
