"""Who says where words of several Chinese characters begin."""

import logging
import warnings
from collections.abc import Callable, Iterable

from keras_bert_cls.errors import UserError

# Splits a text into words; joined together they are the text.
Segmenter = Callable[[str], Iterable[str]]


def load_segmenter(name: str) -> Segmenter | None:
    """Returns the segmenter of that name: "jieba", or None for "none".

    Raises:
      UserError: its package is not installed.
    """
    if name == "none":
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # jieba's code is old, as every import would say
            import jieba
    except ImportError as error:
        raise UserError(
            "word_segmenter 'jieba' needs the package jieba: pip install 'keras_bert_cls[zh]'"
        ) from error
    jieba.setLogLevel(logging.WARNING)
    return jieba.lcut
