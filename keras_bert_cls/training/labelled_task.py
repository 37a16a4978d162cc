"""A task that is learned from labelled rows, alone or beside others."""

import dataclasses
from collections.abc import Mapping

import keras
import numpy as np

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.batches import ClassificationBatches, JudgedRows
from keras_bert_cls.data.store_batches import StoreBatches
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.modeling.adaptive_cutoffs import AdaptiveShape
from keras_bert_cls.modeling.head_settings import HeadSettings
from keras_bert_cls.modeling.multitask import Head
from keras_bert_cls.modeling.trained_model import ModelSettings
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.training.aids import focal
from keras_bert_cls.training.class_weights import class_weights
from keras_bert_cls.training.config import FinetuneConfig
from keras_bert_cls.training.evaluation import Evaluator
from keras_bert_cls.training.held_out import classification_evaluator
from keras_bert_cls.training.objectives import (
    MultiLabelObjective,
    Objective,
    RegressionObjective,
    SingleLabelObjective,
)
from keras_bert_cls.training.row_sampling import row_sampling


@dataclasses.dataclass(frozen=True)
class LabelledTask:
    """A task once its rows are read.

    Attributes:
      config: the run that learns the task alone.
      tokenizer: the run's.
      labels: names of the logits; empty for regression.
      stores: the rows of each split that the worker has.
      judged: pseudo-labels of the training rows; None without.
    """

    config: FinetuneConfig
    tokenizer: Tokenizer
    labels: tuple[str, ...]
    stores: Mapping[str, TokenStore]
    judged: JudgedRows | None = None

    def head(self, hidden_dim: int) -> Head:
        """Returns what makes logits of the encoder's output, which is so wide."""
        head = self.config.head
        return Head(max(1, len(self.labels)), head.dropout, self._head_settings(hidden_dim))

    def objective(self) -> Objective:
        """Returns what is minimised on the labels."""
        config = self.config
        if config.task == "regression":
            return RegressionObjective()
        targets = self._training_targets()
        weights = class_weights(config.head, self.labels, targets, self._rows(), config.classes)
        kinds = {"single_label": SingleLabelObjective, "multi_label": MultiLabelObjective}
        return focal(config, kinds[config.task](config.head.label_smoothing, weights))

    def batches(self, rows: int, teacher_logits: np.ndarray | None = None) -> StoreBatches:
        """Returns the training batches.

        Args:
          rows: of a global batch.
          teacher_logits: float32 [training rows, logits]; None without a teacher.
        """
        store, config = self.stores["train"], self.config
        lengths, limit = store.lengths("token_ids"), config.train.max_tokens_per_batch
        sampling = row_sampling(config.classes, self.labels, store, self.judged, config.seed)
        plan = BatchPlan(lengths, rows, limit, config.seed, sampling=sampling)
        vocabulary, num_logits = self.tokenizer.vocabulary, max(1, len(self.labels))
        make_batch = ClassificationBatches(
            store, vocabulary, num_logits, teacher_logits, self.judged
        )
        return StoreBatches(store, plan, make_batch)

    def settings(self) -> ModelSettings:
        """Returns the settings of a model that was trained on the task."""
        return ModelSettings(
            task=self.config.task,
            labels=self.labels,
            text_pair=self.config.data.text_pair_column is not None,
            max_length=self.config.data.max_length,
            lowercase=self.tokenizer.lowercase,
            strip_accents=self.tokenizer.strip_accents,
            head=self.config.head.kind,
            top_labels=self.config.head.top_labels,
            label_structure=self.config.data.label_structure,
        )

    def evaluator(self, model: keras.Model, split: str) -> Evaluator:
        """Returns what scores a classifier on the rows of a split."""
        return classification_evaluator(
            model,
            self.stores[split],
            self.tokenizer.vocabulary,
            self.config.task,
            self.labels,
            self.config.train.batch_size,
            self.config.data.label_structure,
        )

    def _head_settings(self, hidden_dim: int) -> HeadSettings:
        match self.config.head.kind:
            case "hierarchical":
                tree = self.config.data.label_structure.tree(self.labels)
                return HeadSettings("hierarchical", tree=tree)
            case "ordinal":
                counts = np.bincount(self._training_targets(), minlength=len(self.labels)) + 1
                shares = tuple((counts / counts.sum()).tolist())
                return HeadSettings("ordinal", level_shares=shares)
            case "adaptive":
                counts = np.bincount(self._training_targets(), minlength=len(self.labels))
                sizes = self.config.adaptive
                shape = AdaptiveShape.of(counts, hidden_dim, sizes.cutoffs, sizes.div_value)
                return HeadSettings("adaptive", adaptive=shape)
        return HeadSettings(biases=tuple(self._first_biases().tolist()))

    def _first_biases(self) -> np.ndarray:
        """Returns where the logits of a dense head begin, float64 [logits]; see HeadSettings."""
        targets = self._training_targets()
        if self.config.task == "regression":
            return np.array([targets.mean(dtype=np.float64)])
        if self.config.task == "multi_label":
            shares = (np.bincount(targets, minlength=len(self.labels)) + 1) / (self._rows() + 2)
            return np.log(shares) - np.log1p(-shares)
        return np.zeros(len(self.labels))

    def _rows(self) -> int:
        """Returns how many training rows have labels."""
        if self.judged is not None:
            return int((self.judged.weights > 0).sum())
        store = self.stores["train"]
        return len(store) - store.description.get("unlabelled", 0)

    def _training_targets(self) -> np.ndarray:
        """Returns the label ids of the training rows that have labels."""
        if self.judged is not None:
            taken = self.judged.targets[self.judged.weights > 0]
            return np.nonzero(taken)[1] if taken.ndim == 2 else taken
        store = self.stores["train"]
        targets = np.asarray(store.values("target"))
        if self.config.task != "multi_label" and "labelled" in store:
            return targets[store.values("labelled") > 0]
        return targets
