"""The splits of a fine-tuning run: read once, and used again as long as nothing has changed."""

import dataclasses
import pathlib

from keras_bert_cls.data.classification_rows import build_classification_store, held_out_texts
from keras_bert_cls.data.fingerprint import reuse_or_build
from keras_bert_cls.data.labels import LabelSet
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.text.tokenizer import Tokenizer
from keras_bert_cls.training.config import FinetuneConfig
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.splits import files_of, split_fingerprint, splits_to_read


@dataclasses.dataclass(frozen=True)
class SplitReader:
    """Reads the splits of a run.

    Attributes:
      run: the run's folder.
      config: names the files; those without labels are part of the split "train".
      labels: from `read_labels`.
      worker: who reads; 0 is the chief.
      folder: in the run's data, for a task's part of it; "" for all of it.
    """

    run: RunDirectory
    config: FinetuneConfig
    labels: LabelSet | None
    worker: int = 0
    folder: str = ""

    def read_all(self, tokenizer: Tokenizer) -> dict[str, TokenStore]:
        """Returns the splits that a worker needs: the chief alone evaluates."""
        splits = splits_to_read(self.config.data, self.worker)
        return {split: self.read(split, tokenizer) for split in splits}

    def read(
        self,
        split: str,
        tokenizer: Tokenizer,
        max_length: int | None = None,
        name: str | None = None,
    ) -> TokenStore:
        """Returns a split.

        Args:
          split: "train", "dev" or "test".
          tokenizer: turns text into token ids; the rows do not depend on it.
          max_length: tokens of a row; by default the config's.
          name: of the folder in the run's data, unless the split's own holds the same; by default
            the split's.
        """
        digest = self.fingerprint(split, tokenizer, max_length)
        names = [f"{self.folder}/{each}".lstrip("/") for each in (split, name) if each]
        folders = [path for each in names for path in self.run.stores(each, self.worker)]
        return reuse_or_build(
            folders, digest, lambda folder: self._build(folder, split, tokenizer, max_length)
        )

    def fingerprint(self, split: str, tokenizer: Tokenizer, max_length: int | None = None) -> str:
        """Returns a digest of all that a split depends on; see `read`."""
        data, unlabelled = self.config.data, self._unlabelled(split)
        settings: dict[str, object] = {
            "max_length": max_length or data.max_length,
            "labels": self.labels.names if self.labels else (),
        }
        if unlabelled is not None:
            settings["unlabelled"] = dataclasses.asdict(unlabelled)
        files = unlabelled.files if unlabelled is not None else ()
        return split_fingerprint(data, split, tokenizer, settings, files)

    def _build(
        self, folder: pathlib.Path, split: str, tokenizer: Tokenizer, max_length: int | None
    ) -> TokenStore:
        data = self.config.data
        leave_out: set = set()
        if split == "train" and data.drop_held_out_texts:
            leave_out = held_out_texts(data)
        return build_classification_store(
            folder,
            files_of(data, split),
            dataclasses.replace(data, max_length=max_length or data.max_length),
            tokenizer,
            self.labels,
            leave_out,
            f"reading {split}",
            self._unlabelled(split),
        )

    def _unlabelled(self, split: str) -> TableSpec | None:
        distillation = self.config.distillation
        return distillation.table() if split == "train" and distillation.unlabelled_files else None
