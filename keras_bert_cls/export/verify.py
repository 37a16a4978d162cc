"""The checks that a finished SavedModel passes before it gets its version number."""

import pathlib

import numpy as np
import tensorflow as tf

from keras_bert_cls.export.compatibility import require_servable
from keras_bert_cls.export.decision_check import decision_problem
from keras_bert_cls.export.generate_check import generation_problem
from keras_bert_cls.export.keras_answers import keras_answers, label_probabilities
from keras_bert_cls.export.masked_lm_check import masked_lm_problem
from keras_bert_cls.export.path_outputs import path_problem
from keras_bert_cls.export.requests import PredictionLog, build_request, parse_request
from keras_bert_cls.export.session import SavedModelSession
from keras_bert_cls.export.top_labels_check import top_labels_problem
from keras_bert_cls.export.warmup import WARMUP_FILE, read_warmup
from keras_bert_cls.modeling.output_softmax import adaptive_layer
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.predictions import task_signature
from keras_bert_cls.text.vocabulary import MASK

# Numbers of an export equal the Keras model's to this, relative to values above 1. In half
# precision the order of additions, which padding changes, shows in the third digit.
TOLERANCE = 1e-5
HALF_PRECISION_TOLERANCE = 2e-2
# Hidden states, unlike probabilities, keep the rounding of every layer below them: a batch that is
# padded otherwise moves those of a deep encoder by more than 1e-5 in float32.
EMBEDDING_TOLERANCES = {TOLERANCE: 1e-4, HALF_PRECISION_TOLERANCE: 5e-2}


class VerificationError(RuntimeError):
    """An export does not do what the model does: a fault of this package or of a custom model."""


def verify_export(folder: pathlib.Path, trained: TrainedModel, server: str) -> None:
    """Checks the files, compares answers with the Keras model, and replays the warm-up requests.

    The SavedModel runs in a Session of its own, as in TensorFlow Serving.

    Raises:
      VerificationError: it answers differently, or fails on a request.
      UnservableGraphError: a stock TensorFlow Serving of release `server` could not serve it.
    """
    require_servable(folder, server)
    with SavedModelSession(folder) as session:
        _compare(session, trained)
        if trained.settings.task == "masked_lm":
            problem = masked_lm_problem(trained, session.call, _tolerance(trained))
            if problem:
                raise VerificationError(problem)
        if trained.settings.task == "seq2seq":
            problem = generation_problem(
                trained, session.call, _sample_texts(trained)[0], _tolerance(trained)
            )
            if problem:
                raise VerificationError(problem)
        if (folder / WARMUP_FILE).exists():
            for request in read_warmup(folder):
                _run(session, request)


def _compare(session: SavedModelSession, trained: TrainedModel) -> None:
    tasks: list[str | None] = [*trained.settings.tasks]
    for task in tasks or [None]:
        alone = trained.of_task(task)
        texts, tolerance = _sample_texts(alone), _tolerance(alone)
        try:
            expected = keras_answers(alone, *texts)
        except tf.errors.OpError as error:
            raise VerificationError(
                f"the Keras model fails on texts of max_length {alone.settings.max_length}: {error}"
            ) from error
        names_labels = adaptive_layer(alone.model) is not None and alone.settings.labels
        of_labels = label_probabilities(alone, *texts) if names_labels else None
        for plain, outputs in expected.items():
            # The first of several tasks has its signatures under their plain names too.
            names = {task_signature(task, plain), *([plain] if task in tasks[:1] else [])}
            for signature in sorted(names & session.signatures.keys()):
                answer = _run(session, build_request(trained, signature, *texts))
                problem = decision_problem(alone, answer) or path_problem(alone, answer)
                if of_labels is not None:
                    problem = problem or top_labels_problem(alone, answer, of_labels, tolerance)
                if problem:
                    raise VerificationError(f"signature {signature}: {problem}")
                if plain == "classify" and alone.decision:  # The unknown label is checked above.
                    width = outputs["scores"].shape[1]
                    answer["scores"] = answer["scores"][:, :width]
                _check_answer(signature, answer, outputs, tolerance)


def _check_answer(
    signature: str,
    answer: dict[str, np.ndarray],
    outputs: dict[str, np.ndarray],
    tolerance: float,
) -> None:
    for name, expected in outputs.items():
        found = answer[name]
        if expected.dtype.kind != "f":
            _check_tokens(signature, name, found, expected)
            continue
        limit = EMBEDDING_TOLERANCES[tolerance] if name == "embedding" else tolerance
        difference = np.abs(found - expected) / np.maximum(1, np.abs(expected))
        if not difference.max(initial=0.0) <= limit:  # NaN fails too
            raise VerificationError(
                f"{name} of signature {signature} differs from the Keras model by "
                f"{difference.max():.3g}, expected at most {limit:g}."
            )


def _check_tokens(signature: str, name: str, tokens: np.ndarray, expected: np.ndarray) -> None:
    if tokens.shape != expected.shape:
        raise VerificationError(
            f"{name} of signature {signature} has shape {tokens.shape}, expected {expected.shape}."
        )
    wrong = np.argwhere(tokens != expected)
    if wrong.size:
        place = tuple(wrong[0].tolist())
        raise VerificationError(
            f"{name} of signature {signature} differs from the tokenizer at {place}: "
            f"{tokens[place]!r}, expected {expected[place]!r}."
        )


def _run(session: SavedModelSession, request: PredictionLog) -> dict[str, np.ndarray]:
    signature, inputs = parse_request(request)
    sizes = {name: value.shape for name, value in inputs.items()}
    try:
        answer = session.call(signature, inputs)
    except tf.errors.OpError as error:
        raise VerificationError(f"signature {signature} fails on {sizes}: {error}") from error
    rows = next(iter(sizes.values()))[0]
    for name, values in answer.items():
        if values.shape[0] != rows:
            raise VerificationError(
                f"{name} of signature {signature} has shape {values.shape} for inputs {sizes}; "
                "batching needs as many rows as the inputs have."
            )
    return answer


def _sample_texts(trained: TrainedModel) -> list[list[bytes]]:
    """Texts of all lengths made of the vocabulary, the empty text, and bytes that are not UTF-8."""
    words = [token for token in trained.tokenizer.vocabulary.tokens if not token.startswith("[")]
    longest = trained.settings.max_length
    texts = [b"", b"\xff\xfe broken \xe4\xbd"]
    for number, length in enumerate((1, 2, longest // 4, longest // 2, longest, 2 * longest)):
        chosen = [words[(7 * i + number) % len(words)] for i in range(length)] if words else []
        texts.append(" ".join(chosen).encode())
    if trained.settings.task == "masked_lm":
        mask = MASK.encode()
        texts = [mask.join([text[: len(text) // 2], text[len(text) // 2 :]]) for text in texts]
        texts += [mask, mask + b" " + mask, b"no mask"]
    return [texts, texts[::-1]] if trained.settings.text_pair else [texts]


def _tolerance(trained: TrainedModel) -> float:
    half = {"float16", "bfloat16"} & {layer.compute_dtype for layer in trained.model.layers}
    return HALF_PRECISION_TOLERANCE if half else TOLERANCE
