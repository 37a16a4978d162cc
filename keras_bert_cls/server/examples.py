"""What Classify and Regress share: tf.Examples go to the signature's one input, `inputs`."""

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import input_pb2, model_pb2

from keras_bert_cls.server.model_spec import signature_name
from keras_bert_cls.server.servable import Servable
from keras_bert_cls.server.signature import Signature
from keras_bert_cls.server.status_errors import failed_precondition, invalid_argument

INPUTS = "inputs"  # tf.saved_model.CLASSIFY_INPUTS and REGRESS_INPUTS


def find_signature(servable: Servable, spec: model_pb2.ModelSpec) -> Signature:
    """Returns the signature that `spec` means; raises ServingError if there is none."""
    name = signature_name(spec)
    signature = servable.signature(name)
    if signature is None:
        raise invalid_argument(f"No signature was found with the name: {name}")
    return signature


def check_example_input(definition: meta_graph_pb2.SignatureDef, kind: str) -> None:
    """Raises ServingError unless the signature takes tf.Examples.

    Args:
      definition: of the signature.
      kind: "classification" or "regression".
    """
    if len(definition.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if INPUTS not in definition.inputs:
        raise failed_precondition(f"No {kind} inputs found in SignatureDef: {definition}")


def serialized_examples(examples: input_pb2.Input) -> np.ndarray:
    """Returns the serialized tf.Examples, string [n]; each follows the context, if there is one.

    Raises:
      ServingError: there are none.
    """
    if examples.WhichOneof("kind") == "example_list_with_context":
        with_context = examples.example_list_with_context
        # Two messages behind each other parse as one that holds the fields of both.
        context = with_context.context.SerializeToString()
        serialized = [context + e.SerializeToString() for e in with_context.examples]
    else:
        serialized = [e.SerializeToString() for e in examples.example_list.examples]
    if not serialized:
        raise invalid_argument("Input is empty.")
    array = np.empty(len(serialized), object)
    array[:] = serialized
    return array
