"""Scores models on rows that they were not trained on; what training and bertcls-evaluate share."""

import keras

from keras_bert_cls.data.batch_plan import BatchPlan, scoring_plan
from keras_bert_cls.data.batches import ClassificationBatches, PretrainingBatches
from keras_bert_cls.data.label_structure import NO_STRUCTURE, LabelStructure
from keras_bert_cls.data.masking import TokenMasker
from keras_bert_cls.data.pipeline import evaluation_dataset, with_masking
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.text.vocabulary import Vocabulary
from keras_bert_cls.training.config import PretrainConfig
from keras_bert_cls.training.evaluation import Evaluator

_SEED_OFFSET = 1  # other tokens are masked than in training


def classification_evaluator(
    model: keras.Model,
    store: TokenStore,
    vocabulary: Vocabulary,
    task: str,
    labels: tuple[str, ...],
    batch_size: int,
    structure: LabelStructure = NO_STRUCTURE,
) -> Evaluator:
    """Returns what scores a classifier on labelled rows.

    Args:
      model: a classifier.
      store: the rows, from `build_classification_store`.
      vocabulary: names the padding.
      task: "single_label", "multi_label" or "regression".
      labels: names of the logits; empty for regression.
      batch_size: rows that run at once at most.
      structure: how the labels relate to each other.
    """
    batches = ClassificationBatches(store, vocabulary, max(1, len(labels)))
    dataset = evaluation_dataset(scoring_plan(store.lengths("token_ids"), batch_size), batches)
    return Evaluator(model, dataset, task, labels, len(store), structure)


def masked_lm_evaluator(
    model: keras.Model,
    store: TokenStore,
    vocabulary: Vocabulary,
    config: PretrainConfig,
    batch_size: int,
) -> Evaluator:
    """Returns what scores a masked LM on sequences.

    What is masked depends on the sequences, `batch_size` and the run's seed only: it is the same at
    every evaluation.

    Args:
      model: a masked LM.
      store: the sequences, from `build_pretraining_store`.
      vocabulary: names the special tokens.
      config: the run's; says how to mask and whether pairs of segments are judged.
      batch_size: sequences that run at once.
    """
    seed = config.seed + _SEED_OFFSET
    batches = PretrainingBatches(store, vocabulary, config.data.pair_objective, seed)
    dataset = evaluation_dataset(BatchPlan(store.lengths("token_ids"), batch_size), batches)
    masked = with_masking(dataset, TokenMasker(vocabulary, config.masking), seed)
    return Evaluator(model, masked, "masked_lm", rows=len(store))
