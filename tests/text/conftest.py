import pytest
from example_vocabulary import example_vocabulary

from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import Vocabulary


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return example_vocabulary()


@pytest.fixture(scope="session", params=["uncased", "cased"])
def tokenizer(request, vocabulary) -> Tokenizer:
    return Tokenizer(vocabulary, lowercase=request.param == "uncased")
