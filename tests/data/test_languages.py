"""Languages, as far as scripts tell."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.data.languages import LANGUAGES, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("味道很好，推荐！", "zh"),
        ("今天用 TensorFlow Serving 部署模型", "zh"),
        ("这个 app 还行", "zh"),
        ("The word 好 means good, says the book", "latin"),
        ("Une très bonne idée", "latin"),
        ("plain words", "latin"),
        ("とても良い映画です", "ja"),
        ("東京都", "zh"),
        ("아주 좋은 영화", "ko"),
        ("очень хороший фильм", "cyrillic"),
        ("فيلم جيد جدا", "arabic"),
        ("หนังดีมาก", "other"),
        ("12:30 !!! ¼ 😀 ，。", "none"),
        ("", "none"),
    ],
)
def test_language(text, language):
    assert language_of(text) == language


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30))
def test_every_text_has_one(text):
    language = language_of(text)
    assert language in LANGUAGES
    if any(character.isalpha() for character in text):
        assert language != "none"


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="的一是在不了有和人这", min_size=1), st.text("0123456789 ，。!"))
def test_digits_and_punctuation_have_no_say(han, others):
    assert language_of(others + han + others) == "zh"
