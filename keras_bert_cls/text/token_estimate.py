"""How many tokens a text has, roughly, before anybody has tokenized it."""

BERT_TOKENS = 512
"""Tokens that BERT reads of a text at most, unless it reads documents in windows."""

# First bytes of characters of three or four bytes: Chinese, Japanese, Korean, symbols.
_WIDE_CHARACTERS = bytes(range(0xE0, 0xF8))
_BYTES_PER_TOKEN = 4  # of other text; English WordPiece has about 4.5


def estimated_tokens(text: bytes) -> int:
    """Returns the estimate for a text in UTF-8: a token for each wide character, or 4 bytes."""
    wide = len(text) - len(text.translate(None, _WIDE_CHARACTERS))
    return wide + max(0, len(text) - 3 * wide) // _BYTES_PER_TOKEN
