import pytest
import tensorflow as tf

from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.text.vocabulary import SPECIAL_TOKENS, Vocabulary

SENTENCES = [
    "",
    "hello",
    "playing is unplayable",
    "don't panic, it's well-known!",
    "he paid $3.50 (or 20%) at 12:30.",
    "see a/b [1], @user #tag: ok?",
    "今天天气很好，去吃饭吧！",
    "我用keras跑bert（真的）3.5分",
    "ひらがなとカタカナ。",
    "한국어 말",
    "“好”——《书》…",
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    letters = sorted(set("".join(SENTENCES)) - {" "})
    tokens = [*letters, *(f"##{letter}" for letter in letters), "play", "##ing", "##able"]
    return Tokenizer(Vocabulary((*SPECIAL_TOKENS, *tokens)), lowercase=True, strip_accents=False)


def test_well_written_text_comes_back(tokenizer):
    texts = tokenizer.detokenize(tokenizer.tokenize(SENTENCES)).numpy()
    assert [text.decode() for text in texts] == SENTENCES


def test_in_a_graph(tokenizer):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def round_trip(texts):
        return tokenizer.detokenize(tokenizer.tokenize(texts))

    assert round_trip(["a  b", "好 吃"]).numpy().tolist() == [b"a b", "好吃".encode()]
    assert round_trip(tf.constant([], tf.string)).shape == [0]


def test_special_tokens_are_left_out_but_not_unknown_and_mask(tokenizer):
    ids = tokenizer.vocabulary.id_of
    rows = [["[CLS]", "a", "##b", "[MASK]", "[SEP]", "[UNK]", "[SEP]", "[PAD]"], ["[CLS]", "[SEP]"]]
    token_ids = tf.ragged.constant([[ids(token) for token in row] for row in rows], tf.int32)
    assert tokenizer.detokenize(token_ids).numpy().tolist() == [b"ab [MASK] [UNK]", b""]


def test_suffix_at_the_start_of_a_row_does_not_join_the_row_before(tokenizer):
    ids = tokenizer.vocabulary.id_of
    token_ids = tf.ragged.constant([[ids("a")], [ids("##b"), ids("好")], [ids("a")]], tf.int32)
    assert tokenizer.detokenize(token_ids).numpy().tolist() == [b"a", "b好".encode(), b"a"]
