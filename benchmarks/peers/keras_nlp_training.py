"""Worker: updates of keras-nlp's BertTextClassifier by train_on_batch."""

from benchmarks.peers import keras_nlp_model
from benchmarks.peers.timed_batches import timed_calls
from benchmarks.peers.worker_loop import answer_requests

_loaded: dict = {}


def load(folder: str, precision: str = "float32") -> None:
    """Loads a preset with its head.npz."""
    import keras

    keras_nlp_model.load(folder, precision)
    classifier = keras_nlp_model.classifier()
    classifier.preprocessor = None  # The rows come as tokens.
    classifier.compile(
        optimizer=keras.optimizers.AdamW(1e-5, weight_decay=0.01, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=False),
    )
    _loaded["classifier"] = classifier
    _loaded["vocabulary"] = f"{folder}/assets/tokenizer/vocabulary.txt"


def loss(texts: list[str], labels: list[int]) -> float:
    """Returns the mean loss of a batch without dropout."""
    import numpy as np

    probabilities = np.array(_loaded["classifier"](_packed(texts, 512), training=False))
    return float(-np.log(probabilities[np.arange(len(labels)), labels]).mean())


def train(batches: list[list], max_length: int) -> dict[str, list[float]]:
    """Makes an update with each batch [texts, labels], all padded to max_length."""
    import numpy as np

    prepared = [(_packed(texts, max_length), np.array(labels)) for texts, labels in batches]
    return timed_calls(lambda pair: np.sum(_loaded["classifier"].train_on_batch(*pair)), prepared)


def _packed(texts: list[str], max_length: int):
    """Packs rows by our tokenizer: keras-nlp's gives other ids for some Chinese texts."""
    import tensorflow as tf

    from keras_bert_cls.text.packing import pack_texts
    from keras_bert_cls.text.tokenizer import Tokenizer

    tokenizer = Tokenizer.from_vocab(_loaded["vocabulary"])
    return pack_texts(
        tokenizer.vocabulary,
        [tokenizer.tokenize(tf.constant(texts))],
        max_length=max_length,
        pad_to_max_length=True,
    )


if __name__ == "__main__":
    answer_requests({"load": load, "loss": loss, "train": train})
