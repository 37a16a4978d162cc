"""Asks a model's signatures, and says which there are when one is not."""

from collections.abc import Iterable, Mapping
from typing import Any

from keras_bert_cls.client.calls import Call, Exchange, asked
from keras_bert_cls.client.errors import ServerError
from keras_bert_cls.client.model_description import SignatureSpec, signature_specs
from keras_bert_cls.client.requests import ModelChoice
from keras_bert_cls.client.schema import MESSAGES

# TensorFlow Serving's words of Classify and of Predict.
NO_SIGNATURE = "No signature was found with the name"
_NO_SIGNATURES = (NO_SIGNATURE, "Serving signature key")

# Signature -> what asks it.
_PROGRAMS = {
    "generate": "bertcls-transduce",
    "fill_mask": "bertcls-fill-mask",
    "score": "bertcls-score",
    "infill": "bertcls-generate",
}
_ANSWERS = {"label", "value"}  # outputs that bertcls-predict reads


def signatures_of(model: ModelChoice) -> Exchange[dict[str, SignatureSpec]]:
    """Returns a model's signatures by name."""
    request = MESSAGES["GetModelMetadataRequest"](
        model_spec=model.spec(), metadata_field=["signature_def"]
    )
    (response,) = yield from asked([Call("GetModelMetadata", request)])
    packed = response.metadata["signature_def"].value
    return signature_specs(MESSAGES["SignatureDefMap"].FromString(packed))


def asked_of(model: ModelChoice, signature: str, calls: Iterable[Call]) -> Exchange[list[Any]]:
    """Returns the answers of `calls` to a signature.

    Raises:
      ServerError: a call failed; if for want of the signature, it says what the model has.
    """
    try:
        return (yield from asked(calls))
    except ServerError as error:
        if not any(words in error.details for words in _NO_SIGNATURES):
            raise
        refusal = error
    try:
        signatures = yield from signatures_of(model)
    except ServerError:
        raise refusal from None
    raise refusal.with_advice(_advice(model.name, signature, signatures)) from refusal


def _advice(model: str, signature: str, signatures: Mapping[str, SignatureSpec]) -> str:
    has = f" {model!r} has no signature {signature!r}, it has {', '.join(sorted(signatures))}."
    default = signatures.get("serving_default")
    programs = [program for name, program in _PROGRAMS.items() if name in signatures]
    if default is not None and _ANSWERS & default.outputs.keys():
        # Other signatures than those of programs are asked for by the names of tasks.
        is_task = signature not in (*_PROGRAMS, "serving_default", "score_word_l2r")
        programs.append("bertcls-predict" + (" without --task or with one of these" * is_task))
    return has + (f" It answers {', '.join(programs)}." if programs else "")
