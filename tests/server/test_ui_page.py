"""The page for people is one document, and runs nothing that did not come with it."""

import base64
import hashlib
import html.parser
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_bert_cls.server.ui.page import CONTENT_TYPE, page

SCRIPT = '"><script>alert(1)</script>'
# Names come from configs; protobuf's strings hold no surrogates, HTML's attributes no controls.
NAMES = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), max_size=4)


class Document(html.parser.HTMLParser):
    """What a browser finds in the page."""

    def __init__(self, body: bytes):
        super().__init__()
        self.tags, self.sources, self.options, self.policy = [], {}, [], ""
        self.feed(body.decode())

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append((tag, given))
        if tag == "option":
            self.options.append(given["value"])
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] in ("style", "script"):
            self.sources.setdefault(self.tags[-1][0], data)


@given(NAMES)
def test_model_names_stay_names(names):
    document = Document(page(names))
    *models, newest = document.options
    assert (models, newest) == (names, "")
    assert len(document.tags) == len(Document(page([])).tags) + len(names)


def test_a_hostile_name_adds_no_tag():
    assert [tag for tag, _ in Document(page([SCRIPT])).tags].count("script") == 1


@pytest.mark.parametrize("name", ["$script", "$$", "${models}", "\\1"])
def test_names_are_no_templates(name):
    assert Document(page([name])).options[0] == name


def test_the_page_needs_nothing_else():
    document = Document(page(["m"]))
    sources = [given[key] for _, given in document.tags for key in ("src", "href") if key in given]
    assert sources == ["data:,"]  # Without the icon browsers ask the server for one.
    text = page(["m"]).decode()
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text.replace("\n// ", "\n"))
    assert CONTENT_TYPE == "text/html; charset=utf-8"


@pytest.mark.parametrize("kind", ["style", "script"])
def test_the_policy_allows_the_inline_source_and_no_other(kind):
    document = Document(page(["m"]))
    digest = hashlib.sha256(document.sources[kind].encode()).digest()
    rules = dict(rule.split(" ", 1) for rule in document.policy.split("; "))
    assert rules[f"{kind}-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "'self'"


def test_elements_that_the_script_names_are_there():
    document = Document(page(["m"]))
    there = {given["id"] for _, given in document.tags if "id" in given}
    named = set(re.findall(r'(?:byId|tell)\("([a-z-]+)"', document.sources["script"]))
    assert named
    assert named <= there
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(",
                         document.sources["script"])  # fmt: skip
