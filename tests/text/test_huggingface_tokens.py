"""A second reference, written by others: the `tokenizers` package."""

import pytest
import tokenizers
from tricky_texts import TRICKY_TEXTS

from keras_bert_cls.text.tokenizer import Tokenizer

# Where it leaves Google's algorithm: words over 100 characters are unknown, private-use characters
# are dropped, `Σ` is always `σ`, its punctuation is of an older Unicode, and names of special
# tokens are special in texts.
DIFFERENT = {
    "private use",
    "greek",
    "greek with marks",
    "young punctuation",
    "special tokens",
    "words of 200 and 201 together",
    "200 after accents",
    "long word with punctuation",
    *(f"word of {length} × {letter}" for length in (199, 200) for letter in "aéяกሀ𐍈"),
}


@pytest.fixture(scope="module", params=["uncased", "cased"])
def both(request, vocabulary, tmp_path_factory):
    path = tmp_path_factory.mktemp("huggingface") / "vocab.txt"
    vocabulary.save(path)
    lowercase = request.param == "uncased"
    theirs = tokenizers.BertWordPieceTokenizer(str(path), lowercase=lowercase)
    return Tokenizer(vocabulary, lowercase), theirs


@pytest.mark.parametrize("name", sorted(TRICKY_TEXTS.keys() - DIFFERENT))
def test_tokens_are_hugging_faces(both, name):
    ours, theirs = both
    text = TRICKY_TEXTS[name]
    if isinstance(text, bytes):
        text = text.decode("utf-8", "ignore")
    assert ours.tokens_of(text) == theirs.encode(text, add_special_tokens=False).tokens
