"""ROUGE against its definition, written another way."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.training.rouge import mean_rouge, rouge_scores, rouge_words

WORDS = st.lists(st.sampled_from("abc"), max_size=7)


def f1(common, found, wanted):
    if not common:
        return 0.0
    precision, recall = common / found, common / wanted
    return 2 * precision * recall / (precision + recall)


def n_gram_score(found, wanted, size):
    grams = [
        [words[i : i + size] for i in range(len(words) - size + 1)] for words in (found, wanted)
    ]
    left = list(grams[1])
    common = 0
    for gram in grams[0]:
        if gram in left:
            left.remove(gram)
            common += 1
    return f1(common, len(grams[0]), len(grams[1]))


def longest_common(found, wanted):
    """Tries every subsequence."""
    for size in range(min(len(found), len(wanted)), 0, -1):
        subsequences = set(itertools.combinations(found, size))
        if subsequences & set(itertools.combinations(wanted, size)):
            return size
    return 0


@given(WORDS, WORDS)
@settings(max_examples=50, deadline=None)
def test_scores_are_those_of_the_definition(found, wanted):
    scores = rouge_scores(" ".join(found), " ".join(wanted))
    common = longest_common(found, wanted)
    assert scores == pytest.approx(
        {
            "rouge_1": n_gram_score(found, wanted, 1),
            "rouge_2": n_gram_score(found, wanted, 2),
            "rouge_l": f1(common, len(found), len(wanted)),
        }
    )


def test_lins_example():
    # Lin 2004, section 3: recalls 3/4 and 2/4 at equal lengths.
    reference = "police killed the gunman"
    assert rouge_scores("police kill the gunman", reference)["rouge_l"] == 0.75
    assert rouge_scores("the gunman kill police", reference)["rouge_l"] == 0.5


def test_words():
    assert rouge_words("Don't stop: 3.5%，新华社Xinhua_电。") == [
        *("don", "t", "stop", "3", "5"),
        *("新", "华", "社", "xinhua", "电"),
    ]


def test_means():
    assert mean_rouge([]) == {"rouge_1": 0.0, "rouge_2": 0.0, "rouge_l": 0.0}
    assert mean_rouge([("a b", "a b"), ("", "a b")])["rouge_2"] == 0.5
