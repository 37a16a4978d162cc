import pytest
from example_vocabulary import example_vocabulary
from hypothesis import given
from hypothesis import strategies as st

from keras_bert_cls.errors import UserError
from keras_bert_cls.text.vocabulary import SPECIAL_TOKENS, Vocabulary, is_suffix, text_of

SPECIAL = "".join(f"{token}\n" for token in SPECIAL_TOKENS)


@pytest.fixture
def read(tmp_path):
    def read(content: bytes | str) -> Vocabulary:
        path = tmp_path / "vocab.txt"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Vocabulary.from_file(path)

    return read


def test_special_tokens_are_found_by_name(read):
    vocabulary = read("a\n[MASK]\n[SEP]\nb\n[CLS]\n[UNK]\n[PAD]\n")
    assert vocabulary.tokens == ("a", "[MASK]", "[SEP]", "b", "[CLS]", "[UNK]", "[PAD]")
    ids = [getattr(vocabulary, f"{name}_id") for name in ("mask", "sep", "cls", "unk", "pad")]
    assert ids == [1, 2, 4, 5, 6]
    assert (len(vocabulary), vocabulary.id_of("b"), "b" in vocabulary, "c" in vocabulary) == (
        7,
        3,
        True,
        False,
    )
    with pytest.raises(KeyError):
        vocabulary.id_of("c")


def test_lines_end_at_line_feeds_only(read):
    tokens = ["\u2028", "##\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", " ", "\u3000a "]
    assert read(SPECIAL + "\n".join(tokens)).tokens == (*SPECIAL_TOKENS, *tokens)


def test_what_windows_editors_add_is_taken_off(read):
    expected = (*SPECIAL_TOKENS, "中")
    text = SPECIAL + "中\n"
    assert read(b"\xef\xbb\xbf" + text.encode()).tokens == expected
    assert read(text.replace("\n", "\r\n")).tokens == expected
    assert read(text.replace("\n", "\r\n").removesuffix("\n")).tokens == expected


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), min_size=1)))
def test_save_and_read_are_inverse(tmp_path_factory, tokens):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    vocabulary = Vocabulary(tuple(dict.fromkeys([*SPECIAL_TOKENS, *tokens])))
    vocabulary.save(path)
    assert path.read_bytes().endswith(b"\n")
    assert Vocabulary.from_file(path) == vocabulary


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"vocab.txt is empty"),
        ("[PAD]\n[UNK]\n[CLS]\n", r"vocab.txt lacks \[SEP\], \[MASK\]"),
        (SPECIAL + "a\nb\na\n", r"vocab.txt:8: the token 'a' stands on line 6 already"),
        (SPECIAL + "a\n\nb\n", r"vocab.txt:7: expected a token, found an empty line"),
        (SPECIAL + "a\n\n", r"vocab.txt:7: expected a token, found an empty line"),
        (SPECIAL.encode() + b"ok\na\xffb\n", r"vocab.txt:7: expected UTF-8, found the byte 0xff"),
        (SPECIAL + "a\r\nb\n", r"vocab.txt:6: the line ends with CRLF and others do not"),
    ],
)
def test_wrong_files_are_refused_with_the_line(read, content, message):
    with pytest.raises(UserError, match=message):
        read(content)


def test_missing_file_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match=r"cannot read the vocabulary .*nothing\.txt"):
        Vocabulary.from_file(tmp_path / "nothing.txt")


@pytest.mark.parametrize("token", ["a\nb", "a\r", ""])
def test_tokens_that_a_file_cannot_hold_are_refused(token):
    with pytest.raises(UserError, match="the vocabulary:6"):
        Vocabulary((*SPECIAL_TOKENS, token))


def test_suffixes():
    tokens = ["a", "##a", "##", "#", "###", "a##"]
    assert [is_suffix(token) for token in tokens] == [False, True, False, False, True, False]
    assert [text_of(token) for token in tokens] == ["a", "a", "##", "#", "#", "a##"]


def test_vocabularies_compare_and_hash_by_tokens():
    same = Vocabulary(example_vocabulary().tokens)
    assert same == example_vocabulary()
    assert hash(same) == hash(example_vocabulary())
    assert same != Vocabulary(SPECIAL_TOKENS)
