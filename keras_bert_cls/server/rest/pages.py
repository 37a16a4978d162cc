"""Pages that the HTTP port shows beside the API: each a path and what is sent for it.

A page comes from this package, never from a path in a request. Nobody needs a token for it: a
browser could not bring one, and nothing in a page but the models' names is of this server.
"""

import dataclasses
from collections.abc import Callable, Iterable

from keras_bert_cls.server.ui import page as page_for_people


@dataclasses.dataclass(frozen=True)
class Page:
    """What is sent for a path.

    Attributes:
      content_type: such as "text/html; charset=utf-8".
      body: the bytes, or what makes them of the names of the models.
    """

    content_type: str
    body: bytes | Callable[[Iterable[str]], bytes]

    def body_for(self, model_names: Iterable[str]) -> bytes:
        """Returns the bytes for a server of these models."""
        return self.body if isinstance(self.body, bytes) else self.body(model_names)


PAGES: dict[str, Page] = {"/": Page(page_for_people.CONTENT_TYPE, page_for_people.page)}
"""Path -> page."""
