import itertools
import lzma
import unicodedata

import pytest
import reference_tokenizer
import tensorflow as tf
import tensorflow_text as tf_text
from tricky_texts import TRICKY_TEXTS
from unicode_texts import needs_python_of_the_tables

from keras_bert_cls.text import normalizer
from keras_bert_cls.text.final_sigma import lower_sigma
from keras_bert_cls.text.normalizer import normalizer_model


def normalize(texts, lowercase, strip_accents):
    model = tf.constant(list(normalizer_model(lowercase, strip_accents)), tf.uint8)
    texts = [text.encode() if isinstance(text, str) else text for text in texts]
    texts = lower_sigma(tf_text.FastBertNormalizer(model_buffer=model).normalize(texts))
    return [text.decode() for text in texts.numpy()]


@needs_python_of_the_tables
def test_tables_of_the_package_are_those_that_the_code_builds(tmp_path, capsys):
    normalizer.write_tables(tmp_path)
    written = {path.name: lzma.decompress(path.read_bytes()) for path in tmp_path.iterdir()}
    assert written == {
        "cased.fbs.xz": normalizer_model(False, False),
        "strip_accents.fbs.xz": normalizer_model(False, True),
        "lowercase.fbs.xz": normalizer_model(True, False),
        "lowercase-strip_accents.fbs.xz": normalizer_model(True, True),
    }
    assert "cased.fbs.xz" in capsys.readouterr().out


def test_tables_are_not_made_from_other_unicode_data(monkeypatch):
    monkeypatch.setattr(unicodedata, "unidata_version", "15.0.0")
    with pytest.raises(SystemExit, match=r"Unicode 14\.0\.0"):
        normalizer.write_tables()


@pytest.mark.parametrize(
    ("text", "uncased", "cased"),
    [
        ("Résumé ÅNGSTRÖM", "resume angstrom", "Résumé ÅNGSTRÖM"),
        ("①℃…ß，ﬁ", "①℃…ß，ﬁ", "①℃…ß，ﬁ"),  # NFKC would change all of them
        ("a\0b\ufffdc\u00add\u200be\x07f", "abcdef", "abcdef"),
        ("a\tb\u3000c\u00a0d\u2028e", "a b c d e", "a b c d e"),
        ("\ue000\U0010fffd\u0378", "\ue000\U0010fffd\u0378", "\ue000\U0010fffd\u0378"),
        ("İ Σ ΑΣ", "i σ ας", "İ Σ ΑΣ"),
        ("한", "\u1112\u1161\u11ab", "한"),
    ],
)
def test_examples(text, uncased, cased):
    assert normalize([text], True, True) == [uncased]
    model = tf.constant(list(normalizer_model(False, False)), tf.uint8)
    assert tf_text.FastBertNormalizer(model_buffer=model).normalize([text]) == [cased.encode()]


def test_words_of_tricky_texts_are_the_references_before_punctuation_is_split():
    texts = [text for text in TRICKY_TEXTS.values() if isinstance(text, str)]
    for text, normalized in zip(texts, normalize(texts, True, True), strict=True):
        expected = "".join(reference_tokenizer.words_of(text, True, True))
        assert "".join(normalized.split()) == expected


def test_every_ill_formed_sequence_of_up_to_four_bytes_is_deleted():
    """All leads with trails from every range that UTF-8 tells apart, cut at every length."""
    trails = (0x41, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC2, 0xFF)
    texts = [
        bytes([lead, *rest])
        for lead in range(0x80, 0x100)
        for length in range(4)
        for rest in itertools.product(trails, repeat=length)
    ]
    well_formed = [text.decode("utf-8", "ignore") for text in texts]
    assert normalize(texts, False, True) == normalize(well_formed, False, True)
    assert {text for text in normalize(texts, False, True) if text.isascii()} >= {"", "A", "AA"}
