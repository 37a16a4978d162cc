import copy
import pickle

import pytest
import reference_tokenizer
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tricky_texts import TRICKY_TEXTS
from unicode_texts import needs_python_of_the_tables, texts

from keras_bert_cls.errors import UserError
from keras_bert_cls.text.tokenizer import Tokenizer


def eagerly(tokenizer):
    return tokenizer.tokenize


def in_tf_function(tokenizer):
    return tf.function(tokenizer.tokenize, input_signature=[tf.TensorSpec([None], tf.string)])


def in_tf_data(tokenizer, shape=(None,)):
    batches = []
    dataset = tf.data.Dataset.from_generator(
        lambda: batches, output_signature=tf.TensorSpec(shape, tf.string)
    ).map(tokenizer.tokenize)

    def tokenize(texts):
        batches[:] = [tf.constant(texts, tf.string)]
        return next(iter(dataset))

    return tokenize


def in_tf_data_of_unknown_rank(tokenizer):
    return in_tf_data(tokenizer, shape=None)


PLACES = [eagerly, in_tf_function, in_tf_data, in_tf_data_of_unknown_rank]


def encoded(texts):
    return [text.encode() if isinstance(text, str) else text for text in texts]


def expected_tokens(tokenizer, texts):
    strip_accents = tokenizer.strip_accents
    if strip_accents is None:
        strip_accents = tokenizer.lowercase
    return [
        reference_tokenizer.tokens_of(
            text, tokenizer.vocabulary, tokenizer.lowercase, strip_accents
        )
        for text in texts
    ]


def tokens(tokenizer, token_ids):
    return [[tokenizer.vocabulary.tokens[i] for i in row] for row in token_ids.to_list()]


@pytest.mark.parametrize("place", PLACES)
def test_tricky_texts_give_the_reference_tokens(tokenizer, place):
    texts = list(TRICKY_TEXTS.values())
    found = tokens(tokenizer, place(tokenizer)(encoded(texts)))
    assert dict(zip(TRICKY_TEXTS, found, strict=True)) == dict(
        zip(TRICKY_TEXTS, expected_tokens(tokenizer, texts), strict=True)
    )


@pytest.mark.parametrize(("lowercase", "strip_accents"), [(True, False), (False, True)])
def test_accents_apart_from_case(vocabulary, lowercase, strip_accents):
    tokenizer = Tokenizer(vocabulary, lowercase, strip_accents)
    texts = list(TRICKY_TEXTS.values())
    found = tokens(tokenizer, tokenizer.tokenize(encoded(texts)))
    assert found == expected_tokens(tokenizer, texts)


@needs_python_of_the_tables
@pytest.mark.parametrize("place", [in_tf_function, in_tf_data])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_random_unicode_gives_the_reference_tokens(tokenizer, place, data):
    batch = data.draw(st.lists(texts, max_size=8))
    tokenize = _cached(place, tokenizer)
    assert tokens(tokenizer, tokenize(encoded(batch))) == expected_tokens(tokenizer, batch)


@given(st.lists(st.binary(max_size=12), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_bytes_that_are_not_utf8_are_left_out(tokenizer, batch):
    # Only where bytes are missing may text differ: what is left is compared by the other tests.
    clean = [row.decode("utf-8", "ignore").encode() for row in batch]
    assert tokenizer.tokenize(batch).to_list() == tokenizer.tokenize(clean).to_list()


_functions = {}


def _cached(place, tokenizer):
    return _functions.setdefault((place, tokenizer), place(tokenizer))


def test_result_is_ragged_int32(tokenizer):
    token_ids = tokenizer.tokenize(["一二", ""])
    assert token_ids.dtype == tf.int32
    assert token_ids.row_splits.dtype == tf.int64
    assert token_ids.shape.as_list() == [2, None]


@pytest.mark.parametrize("place", PLACES)
def test_no_texts(tokenizer, place):
    token_ids = place(tokenizer)([])
    assert token_ids.to_list() == []


@pytest.mark.parametrize("texts", ["a text", [["nested"]], [1, 2], tf.constant("scalar"), None])
def test_anything_but_a_vector_of_strings_is_refused(tokenizer, texts):
    with pytest.raises(UserError, match=r"expected texts as string \[n\]"):
        tokenizer.tokenize(texts)


def test_scalar_of_unknown_rank_is_an_error_and_not_a_crash(tokenizer):
    function = tf.function(tokenizer.tokenize, input_signature=[tf.TensorSpec(None, tf.string)])
    with pytest.raises(tf.errors.InvalidArgumentError):
        function(tf.constant("scalar"))


def test_tokenizer_made_inside_a_function_outlives_it(vocabulary):
    made = []

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def tokenize(texts):
        made.append(Tokenizer(vocabulary))
        return made[-1].tokenize(texts)

    assert tokenize(["今天"]).to_list() == made[0].tokenize(["今天"]).to_list()


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))]
)
def test_copies_are_equal(vocabulary, duplicate):
    tokenizer = Tokenizer(vocabulary, lowercase=True, strip_accents=False)
    other = duplicate(tokenizer)
    assert (other.vocabulary, other.lowercase, other.strip_accents) == (vocabulary, True, False)
    assert other.tokens_of("É A") == tokenizer.tokens_of("É A") == ["é", "a"]


def test_tokens_of_reads_well(vocabulary):
    tokenizer = Tokenizer(vocabulary)
    assert tokenizer.tokens_of("Unaffable 中文!") == ["un", "##aff", "##able", "中", "文", "!"]


def test_from_vocab(tmp_path, vocabulary):
    vocabulary.save(tmp_path / "vocab.txt")
    tokenizer = Tokenizer.from_vocab(tmp_path / "vocab.txt", lowercase=False)
    assert tokenizer.vocabulary == vocabulary
    assert tokenizer.tokens_of("Aa") == ["A", "##a"]
