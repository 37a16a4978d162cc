"""Training a model that writes texts: headlines, translations, corrections."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Collection

import keras

from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.batch_source import BatchSource
from keras_bert_cls.data.fingerprint import reuse_or_build
from keras_bert_cls.data.seq2seq_batches import Seq2SeqBatches, pair_lengths
from keras_bert_cls.data.seq2seq_rows import build_seq2seq_store, held_out_sources
from keras_bert_cls.data.store_batches import StoreBatches
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.modeling.seq2seq import seq2seq_model
from keras_bert_cls.modeling.trained_model import ModelSettings, TrainedModel
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.training.config import Seq2SeqConfig
from keras_bert_cls.training.data_report import data_report
from keras_bert_cls.training.metrics import Scores
from keras_bert_cls.training.objectives import Objective
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.run_options import RunOptions
from keras_bert_cls.training.scored_run import Report, ScoredModel, ScoredTask, scored_run
from keras_bert_cls.training.seq2seq_objective import Seq2SeqObjective
from keras_bert_cls.training.seq2seq_scores import TokenEvaluator, seq2seq_scores
from keras_bert_cls.training.splits import files_of, split_fingerprint, splits_to_read
from keras_bert_cls.training.starting_point import StartingPoint, starting_point
from keras_bert_cls.training.workers import Workers

_DEFAULT_OPTIONS = RunOptions()


def train_seq2seq(
    config: Seq2SeqConfig,
    workdir: str | os.PathLike,
    report: Callable[[str], None] = lambda text: None,
    options: RunOptions = _DEFAULT_OPTIONS,
) -> ScoredModel | None:
    """Trains a sequence-to-sequence model; resumes a run that was stopped, keeps a finished one.

    Args:
      config: what to train.
      workdir: the run's folder; holds a TrainedModel at the end. Workers on other machines may
        share it, or have folders of their own for the data that they read.
      report: is told what was skipped, left out and truncated.
      options: the devices, and what the run tells about itself.

    Returns:
      The model and its scores; None on workers other than the chief.

    Raises:
      UserError: the config, the data, the folder or an option is wrong. PreemptedError and
        PeerLostError, which are such errors, say that the same call resumes.
    """
    return scored_run(config, workdir, functools.partial(_prepare, config), report, options)


@dataclasses.dataclass(frozen=True)
class _Training(ScoredTask):
    """What a run learns, once its data is read: its config, where it starts, and its rows."""

    config: Seq2SeqConfig
    start: StartingPoint
    stores: dict[str, TokenStore]

    @property
    def splits(self) -> Collection[str]:
        return self.stores.keys()

    def build_model(self) -> keras.Model:
        return self.start.give_weights(seq2seq_model(self.start.encoder, self.config.decoder))

    def objective(self) -> Objective:
        return Seq2SeqObjective(self.config.label_smoothing)

    def source(self, rows: int) -> BatchSource:
        store, most_tokens = self.stores["train"], self.config.train.max_tokens_per_batch
        plan = BatchPlan(pair_lengths(store), rows, most_tokens, self.config.seed)
        return StoreBatches(store, plan, Seq2SeqBatches(store, self.start.tokenizer.vocabulary))

    def dev_evaluator(self, model: keras.Model) -> TokenEvaluator:
        rows = self.config.train.batch_size
        return TokenEvaluator(model, self.stores["dev"], self.start.tokenizer, rows)

    def trained(self, model: keras.Model) -> TrainedModel:
        config, tokenizer = self.config, self.start.tokenizer
        settings = ModelSettings(
            task=config.task,
            max_length=config.data.max_length,
            lowercase=tokenizer.lowercase,
            strip_accents=tokenizer.strip_accents,
        )
        return TrainedModel(model, tokenizer, settings, generation=config.generation)

    def score(self, trained: TrainedModel, split: str) -> Scores:
        return seq2seq_scores(trained, self.stores[split], self.config.train.batch_size)


def _prepare(
    config: Seq2SeqConfig, run: RunDirectory, workers: Workers, report: Report
) -> _Training:
    """Reads the data."""
    start = starting_point(config)
    stores = workers.chief_first(lambda: _stores(run, config, start.tokenizer, workers.index))
    for split, store in stores.items():
        report(data_report(split, store))
    return _Training(config, start, stores)


def _stores(
    run: RunDirectory, config: Seq2SeqConfig, tokenizer: Tokenizer, worker: int
) -> dict[str, TokenStore]:
    """Reads the splits that a worker needs: the chief alone evaluates."""
    data = config.data

    def read(split: str) -> TokenStore:
        def build(folder: pathlib.Path) -> TokenStore:
            drops = split == "train" and data.drop_held_out_texts
            leave_out = held_out_sources(data) if drops else ()
            title, files = f"reading {split}", files_of(data, split)
            return build_seq2seq_store(folder, files, data, tokenizer, leave_out, title)

        digest = split_fingerprint(data, split, tokenizer)
        return reuse_or_build(run.stores(split, worker), digest, build)

    return {split: read(split) for split in splits_to_read(data, worker)}
