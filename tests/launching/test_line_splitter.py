"""A stream is cut into the same lines, however it comes in chunks."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.launching.line_splitter import LineSplitter

PIECES = st.sampled_from(
    [b"\n", b"\r", b"\r\n", b"a", b"step 12", "霜".encode(), "😡".encode(), b"\xff", b"\x80", b"\0"]
)


def split(chunks, limit=1 << 16):
    splitter = LineSplitter(limit)
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.finish()


def expected_lines(text):
    """Cuts all at once: content and its end; nothing for a bar's lone return."""
    found = re.findall(rb"([^\r\n]*)(\r\n|\r|\n|\Z)", text)
    return [content for content, end in found if content or end in (b"\n", b"\r\n")]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=6).map(b"".join), max_size=8), st.data())
def test_lines_do_not_depend_on_the_chunks(chunks, data):
    text = b"".join(chunks)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    other_chunks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert split(chunks) == split(other_chunks) == expected_lines(text)


def test_a_progress_bar_becomes_lines():
    assert split([b"\r 10%", b"\r 50%\r", b"100%\r\ndone\n"]) == [
        b" 10%",
        b" 50%",
        b"100%",
        b"done",
    ]


def test_a_line_is_shown_when_it_ends_and_not_at_the_next_byte():
    splitter = LineSplitter()
    assert splitter.feed(b"half") == []
    assert splitter.feed(b" full\r") == [b"half full"]
    assert splitter.feed(b"\n") == []


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="a霜😡é", max_size=60), st.integers(4, 20), st.integers(1, 7))
def test_long_lines_are_cut_between_characters(text, limit, chunk_size):
    content = text.encode()
    chunks = [content[at : at + chunk_size] for at in range(0, len(content), chunk_size)]
    lines = split(chunks, limit)
    assert b"".join(lines) == content
    assert all(limit - 3 <= len(line) <= limit for line in lines[:-1])
    assert "".join(line.decode() for line in lines) == text  # no half characters


def test_a_cut_is_made_in_bytes_that_are_no_text():
    assert split([b"\x80" * 10], limit=4) == [b"\x80"] * 6 + [b"\x80" * 4]
