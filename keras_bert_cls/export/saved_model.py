"""export_saved_model: a trained model as a version that TensorFlow Serving loads."""

import contextlib
import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf

from keras_bert_cls.errors import UserError
from keras_bert_cls.export.branches import check_branches
from keras_bert_cls.export.model_card import build_model_card, write_model_card
from keras_bert_cls.export.op_tables import DEFAULT_SERVER
from keras_bert_cls.export.precision import as_constants, check_precision
from keras_bert_cls.export.shared_input import share_input
from keras_bert_cls.export.signatures import method_names, serving_signatures
from keras_bert_cls.export.verify import verify_export
from keras_bert_cls.export.versions import write_version
from keras_bert_cls.export.warmup import warmup_requests, write_warmup
from keras_bert_cls.modeling.branched_block import with_branches
from keras_bert_cls.modeling.half_precision import with_bfloat16_encoder
from keras_bert_cls.modeling.trained_model import VOCABULARY_FILE, TrainedModel, label_files


def export_saved_model(
    trained: TrainedModel,
    output: str | os.PathLike,
    *,
    version: int | None = None,
    model_card: Mapping[str, Any] | None = None,
    pad_to_multiple_of: int = 8,
    warmup: bool = True,
    server: str = DEFAULT_SERVER,
    precision: str = "float32",
    branches: int = 1,
) -> pathlib.Path:
    """Writes output/<version>/, a SavedModel from raw strings to answers.

    It loads with tensorflow and tensorflow_text alone and in a stock TensorFlow Serving, whose
    --model_base_path is `output`. Before it gets its number it is checked: what the server needs
    (`check_saved_model`), the scores against the Keras model, the warm-up requests. A failed or
    killed export leaves no version.

    The signatures are those of `classifier_signatures`, `multitask_signatures`,
    `masked_lm_signatures` or `generate_signatures`. assets/ holds vocab.txt and labels.txt, or a
    TASK_labels.txt for each of several tasks; assets.extra/ model_card.json and the warm-up
    requests.

    Args:
      trained: the model; see TrainedModel.
      output: the folder of all versions.
      version: the version's number; one more than the highest by default.
      model_card: what is known of the model's making, such as the config's digest and metrics;
        goes into model_card.json under "training".
      pad_to_multiple_of: inputs are padded to the longest of the batch, rounded up to this.
      warmup: whether to write warm-up requests, which make a server's first answers fast and its
        start slower.
      server: the release of TensorFlow Serving that must be able to serve it, such as "2.20".
      precision: "float32", or "bfloat16": the encoder's weights are rounded to bfloat16 and put
        into the graph as constants, which oneDNN brings into its own layout once instead of at
        every request. Scores change in the second or third digit; see docs/performance.md.
      branches: into which each block of the encoder is cut, for so many threads to compute one text
        together: faster for single texts where CPUs are idle, slower on one CPU. A divisor of the
        encoder's num_heads and intermediate_dim; see docs/performance.md.

    Returns:
      The version's folder.

    Raises:
      UserError: the version exists, the model and its settings do not fit together, or the disk
        refuses the files.
      UnservableGraphError: the server could not serve it; the message says what to change.
      VerificationError: it does not answer as the Keras model does.
    """
    _check_outputs(trained)
    check_precision(precision, trained)
    check_branches(branches, trained)
    if precision == "bfloat16":
        trained = dataclasses.replace(trained, model=with_bfloat16_encoder(trained.model))
    ways = {"precision": precision, "branches": branches}
    card = {**build_model_card(trained, model_card), **ways}
    served = trained
    if branches > 1:
        served = dataclasses.replace(trained, model=with_branches(trained.model, branches))
    constants = served.model.weights if precision == "bfloat16" else []
    # Traced before anything is written, so that TensorFlow's errors below are those of the disk.
    with as_constants(constants):
        signatures = {
            name: function.get_concrete_function()
            for name, function in serving_signatures(served, pad_to_multiple_of).items()
        }

    def write(folder: pathlib.Path) -> None:
        _write_saved_model(served, signatures, folder)
        write_model_card(folder, card)
        if warmup:
            write_warmup(folder, warmup_requests(trained, sorted(signatures)))
        verify_export(folder, trained, server)

    with _disk_errors_explained(output):
        return write_version(output, write, version)


def _check_outputs(trained: TrainedModel) -> None:
    trained.require_head()
    settings = trained.settings
    for task in settings.tasks:
        _check_outputs(trained.of_task(task))
    if trained.decision is not None:
        if settings.head == "adaptive":
            raise UserError(
                "a model with an adaptive head has no decision: take decision.json away"
            )
        trained.decision.check(settings.task, settings.labels)
    if settings.task in ("masked_lm", "seq2seq", "multitask"):
        return
    logits = trained.model.output["logits"].shape[-1]
    wanted = 1 if settings.task == "regression" else len(settings.labels)
    if logits != wanted:
        what = "one value" if settings.task == "regression" else f"{wanted} labels"
        raise UserError(
            f"the settings are those of a {settings.task} model with {what}, but the model has "
            f"{logits} outputs. Export the model with the settings that it was trained with."
        )


def _write_saved_model(trained: TrainedModel, signatures, folder: pathlib.Path) -> None:
    # A bare module with the values of the weights. If Keras objects were reachable from it, each
    # weight would be stored twice and TensorFlow Serving would not find the variables.
    module = tf.Module()
    is_read = any(function.variables for function in signatures.values())  # or all are constants
    module.weights = [weight.value for weight in trained.model.weights if is_read]
    with tempfile.TemporaryDirectory() as assets:
        vocabulary_file = pathlib.Path(assets) / VOCABULARY_FILE
        trained.tokenizer.vocabulary.save(vocabulary_file)
        module.vocabulary = tf.saved_model.Asset(vocabulary_file)
        module.labels = []
        for name, labels in label_files(trained.settings).items():
            if labels:
                labels_file = pathlib.Path(assets) / name
                labels_file.write_bytes("".join(f"{label}\n" for label in labels).encode())
                module.labels.append(tf.saved_model.Asset(labels_file))
        tf.saved_model.save(
            module,
            str(folder),
            signatures=signatures,
            options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
        )
    methods = method_names(trained.settings, sorted(signatures))
    _set_method_names(folder, methods)
    if len(methods) > 1:
        share_input(folder, methods)


def _set_method_names(folder: pathlib.Path, names: Mapping[str, str]) -> None:
    updater = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(str(folder))
    for signature, method in names.items():
        updater.replace_method_name(signature, method, tf.saved_model.SERVING)
    updater.save()


@contextlib.contextmanager
def _disk_errors_explained(output: str | os.PathLike) -> Iterator[None]:
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        raise UserError(
            f"the export to {output} could not be written: {error}. No version was left behind."
        ) from error
