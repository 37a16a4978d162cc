"""The page for people: one document with its style and script inside, and nothing from elsewhere.

Its script asks the REST API that the page came from, and puts what it shows into the document as
text, never as HTML. The policy in its head lets browsers run this script and no other.
"""

import base64
import functools
import hashlib
import html
import importlib.resources
import string
from collections.abc import Iterable

CONTENT_TYPE = "text/html; charset=utf-8"


def page(model_names: Iterable[str]) -> bytes:
    """Returns the page, UTF-8.

    Args:
      model_names: the models to choose from; the first one is chosen.
    """
    escaped = [html.escape(name) for name in model_names]
    options = "".join(f'<option value="{name}">{name}</option>' for name in escaped)
    return string.Template(_page_of_any_models()).substitute(models=options).encode()


@functools.cache
def _page_of_any_models() -> str:
    style, script = _read("page.css"), _read("calls.js") + _read("page.js")
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    parts = {"policy": policy, "style": style, "script": script}
    # What is put in here is read as a template once more, for the models.
    literal = {name: part.replace("$", "$$") for name, part in parts.items()}
    return string.Template(_read("page.html")).safe_substitute(literal)


def _read(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(source: str) -> str:
    """Returns the name by which a Content-Security-Policy allows an inline source."""
    return f"sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}"
