"""A trained model on disk: weights, vocabulary, labels and settings in one folder."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping

import keras

from keras_bert_cls.data.label_structure import NO_STRUCTURE, LabelStructure
from keras_bert_cls.errors import UserError
from keras_bert_cls.modeling.decision import Decision, read_decision, write_decision
from keras_bert_cls.modeling.decoder_config import GenerationConfig
from keras_bert_cls.modeling.generation_file import read_generation, write_generation
from keras_bert_cls.modeling.multitask import task_model
from keras_bert_cls.modeling.task_choice import require_task
from keras_bert_cls.text.tokenizer import Tokenizer

MODEL_FILE = "model.keras"
VOCABULARY_FILE = "vocab.txt"
LABELS_FILE = "labels.txt"
SETTINGS_FILE = "model_settings.json"

TASKS = (
    "masked_lm",
    "single_label",
    "multi_label",
    "regression",
    "seq2seq",
    "multitask",
    "encoder",
)


@dataclasses.dataclass(frozen=True)
class ModelSettings:
    """What text must go through before and after the Keras model.

    Attributes:
      task: "masked_lm", "single_label", "multi_label", "regression" or "seq2seq"; "multitask" is
        several of them; "encoder" has no head.
      labels: label names in the order of the logits; empty for masked_lm and regression.
      text_pair: whether the model takes two texts.
      max_length: tokens a packed input has at most, special tokens included.
      lowercase: the tokenizer's setting.
      strip_accents: the tokenizer's setting; None follows `lowercase`.
      head: the kind of a classifier's head; see HeadSettings.
      top_labels: labels that a model with an adaptive head answers with, the most probable ones.
      label_structure: how the labels relate to each other.
      tasks: by name, of a model of several tasks; the first answers if none is named.
    """

    task: str
    labels: tuple[str, ...] = ()
    text_pair: bool = False
    max_length: int = 128
    lowercase: bool = True
    strip_accents: bool | None = None
    head: str = "dense"
    top_labels: int = 10
    label_structure: LabelStructure = NO_STRUCTURE
    tasks: Mapping[str, "ModelSettings"] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class TrainedModel:
    """A Keras model with its tokenizer and settings.

    Attributes:
      model: takes token_ids, segment_ids, padding_mask int32 [batch, length]; a classifier gives
        logits float32 [batch, labels], a masked LM takes mask_positions int32 [batch, masks] as
        well and gives logits float32 [batch, masks, vocabulary]; for a model of several tasks see
        `multitask_model`.
      tokenizer: the tokenizer the model was trained with.
      settings: see ModelSettings.
      decision: what a classifier makes of its logits; None leaves them as they are.
      generation: how a sequence-to-sequence model chooses its outputs; None of other models.
    """

    model: keras.Model
    tokenizer: Tokenizer
    settings: ModelSettings
    decision: Decision | None = dataclasses.field(default=None, kw_only=True)
    generation: GenerationConfig | None = dataclasses.field(default=None, kw_only=True)

    def require_head(self) -> None:
        """Raises UserError if the model is an encoder alone, which answers nothing."""
        if self.settings.task == "encoder":
            raise UserError(
                "this model is an encoder without a head: fine-tune it first, with the folder as "
                "init_from of a bertcls-finetune config"
            )

    def of_task(self, task: str | None) -> "TrainedModel":
        """Returns one task of a model of several, as a model that shares its weights.

        Args:
          task: its name; None for models that have no tasks to choose from.

        Raises:
          UserError: there is no such task, or there are several and none is named.
        """
        tasks = self.settings.tasks
        require_task(task, list(tasks))
        if task is None:
            return self
        return TrainedModel(task_model(self.model, task), self.tokenizer, tasks[task])

    def save(self, directory: str | os.PathLike) -> None:
        """Writes model.keras, vocab.txt, labels.txt and model_settings.json into `directory`.

        Of several tasks each has its TASK_labels.txt. And decision.json and generation.json, if the
        model has them; those of another model are removed.
        """
        folder = pathlib.Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        self.tokenizer.vocabulary.save(folder / VOCABULARY_FILE)
        for name, labels in label_files(self.settings).items():
            content = "".join(f"{label}\n" for label in labels)
            (folder / name).write_text(content, encoding="utf-8", newline="\n")
        settings = dataclasses.asdict(self.settings)
        (folder / SETTINGS_FILE).write_text(
            json.dumps(settings, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
        )
        write_decision(folder, self.decision)
        write_generation(folder, self.generation)
        # model.keras last and renamed into place: its presence says that the folder is complete.
        temporary = folder / f".writing-{MODEL_FILE}"
        self.model.save(temporary)
        os.replace(temporary, folder / MODEL_FILE)

    @classmethod
    def load(cls, directory: str | os.PathLike) -> "TrainedModel":
        """Reads what `save` wrote.

        Raises:
          UserError: the folder holds no finished model, or its settings or its decision are
            damaged.
        """
        folder = pathlib.Path(directory)
        for name in (MODEL_FILE, VOCABULARY_FILE, SETTINGS_FILE):
            if not (folder / name).is_file():
                raise UserError(_not_a_run(folder, name))
        settings = _read_settings(folder / SETTINGS_FILE)
        tokenizer = Tokenizer.from_vocab(
            folder / VOCABULARY_FILE,
            lowercase=settings.lowercase,
            strip_accents=settings.strip_accents,
        )
        decision = read_decision(folder, settings.task, settings.labels)
        model = keras.saving.load_model(folder / MODEL_FILE, compile=False)
        generation = read_generation(folder) if settings.task == "seq2seq" else None
        return cls(model, tokenizer, settings, decision=decision, generation=generation)


def _not_a_run(folder: pathlib.Path, missing: str) -> str:
    if any((*folder.glob("saved_model.pb"), *folder.glob("*/saved_model.pb"))):
        return f"{folder} is an export: expected the --workdir of the run that it was made from"
    return (
        f"{folder} holds no finished model: {missing} is missing. Expected the --workdir of a "
        "finished bertcls-pretrain or bertcls-finetune run; start the same command again to finish "
        "an interrupted one."
    )


def label_files(settings: ModelSettings) -> dict[str, tuple[str, ...]]:
    """Returns the names of the label files of a model, and the labels in each."""
    if not settings.tasks:
        return {LABELS_FILE: settings.labels}
    return {f"{name}_{LABELS_FILE}": task.labels for name, task in settings.tasks.items()}


def _read_settings(path: pathlib.Path) -> ModelSettings:
    try:
        return _settings_of(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        fields = ", ".join(field.name for field in dataclasses.fields(ModelSettings))
        raise UserError(
            f"{path}: expected a JSON object with {fields}, as a run writes it; {error!r}. "
            "Restore the file."
        ) from error


def _settings_of(content: dict) -> ModelSettings:
    parts = {
        "labels": tuple(content["labels"]),
        "label_structure": LabelStructure(**content.get("label_structure", {})),
        "tasks": {name: _settings_of(task) for name, task in content.get("tasks", {}).items()},
    }
    return ModelSettings(**{**content, **parts})
