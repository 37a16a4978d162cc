"""Signatures of a classifier or a regression model: from strings to labels, scores, values."""

import tensorflow as tf

from keras_bert_cls.export.path_outputs import path_outputs
from keras_bert_cls.export.string_function import Outputs, string_function
from keras_bert_cls.export.tokenize_signature import tokenize_signature
from keras_bert_cls.modeling.output_softmax import adaptive_layer, softmax_of
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.text.packing import pack_texts


def classifier_signatures(
    trained: TrainedModel, pad_to_multiple_of: int
) -> dict[str, tf.types.experimental.PolymorphicFunction]:
    """Makes the signatures; `text_pair` is an input of each text signature of pair models.

    serving_default: text string [n] -> the answers (below).
    classify, regress: inputs string [n], serialized tf.Example with a bytes feature `text` (and
      `text_pair`) -> classes string [n, labels] and scores float32 [n, labels], in the order of
      the labels; or outputs float32 [n]. For TensorFlow Serving's Classify and Regress calls. A
      model that rejects has one class more, the last: its unknown label, with score 1 where that
      is the answer and 0 elsewhere, so that the class of the highest score is the answer.
    tokens: token_ids, segment_ids, padding_mask int32 [n, length] -> probabilities, or value.
    embed: text string [n] -> embedding float32 [n, hidden], the encoder's pooled output.
    tokenize: text string [n] -> tokens string [n, length] and token_ids int32 [n, length], as the
      model sees them; see `tokenize_signature`.

    The answers of classification: label string [n], score float32 [n], probabilities
    float32 [n, labels]. Single-label probabilities are a softmax; multi-label ones are a sigmoid
    each, with label and score of the most probable label: the caller sets the threshold. The
    answer of regression: value float32 [n].

    With a decision (`trained.decision`) the probabilities are calibrated. A single-label model
    that rejects has its unknown label as label where the most probable one does not reach its
    threshold; score stays the highest probability. A multi-label model also gives selected
    bool [n, labels]: which labels reach their thresholds.

    A model with an adaptive head answers with its `top_labels` best labels, the best first: labels
    string [n, k] as well, probabilities float32 [n, k], and as classes and scores the same.
    `tokens` gives labels and probabilities.

    Labels that are paths also have path_labels string [n, levels] and path_scores float32
    [n, levels]; see `path_outputs`.
    """
    is_adaptive = adaptive_layer(trained.model) is not None
    kind = _ServedTopLabels if is_adaptive else _ServedClassifier
    served = kind(trained, pad_to_multiple_of)
    signatures = {
        "serving_default": string_function(served.text_names, served.answer),
        "tokens": served.tokens_function(),
        "embed": string_function(served.text_names, served.embed),
        "tokenize": tokenize_signature(trained, served.text_names, served.segments),
    }
    if trained.settings.task == "regression":
        signatures["regress"] = string_function(["inputs"], served.regress)
    else:
        signatures["classify"] = string_function(["inputs"], served.classify)
    return signatures


class _ServedClassifier:
    """The bodies of the signatures."""

    def __init__(self, trained: TrainedModel, pad_to_multiple_of: int):
        self.text_names = ["text", "text_pair"] if trained.settings.text_pair else ["text"]
        self._trained = trained
        self._pad_to_multiple_of = pad_to_multiple_of

    def answer(self, *texts: tf.Tensor) -> Outputs:
        heads = self._heads(self._run(*texts)["logits"])
        if self._trained.settings.task == "regression":
            return heads
        probabilities = heads["probabilities"]
        outputs = {
            "label": tf.gather(self._classes(), self._chosen(probabilities)),
            "score": tf.reduce_max(probabilities, axis=-1),
            "probabilities": probabilities,
        }
        if self._trained.decision and self._trained.settings.task == "multi_label":
            outputs["selected"] = probabilities >= self._thresholds()
        settings = self._trained.settings
        if tree := settings.label_structure.tree(settings.labels):
            outputs |= path_outputs(probabilities, tree)
        return outputs

    def classify(self, examples: tf.Tensor) -> Outputs:
        scores = self._heads(self._run(*self._parse(examples))["logits"])["probabilities"]
        if self._rejects:
            is_unknown = self._chosen(scores) == len(self._trained.settings.labels)
            scores = tf.concat([scores, tf.cast(is_unknown, tf.float32)[:, tf.newaxis]], axis=1)
        classes = tf.tile(self._classes()[tf.newaxis], [tf.shape(scores)[0], 1])
        return {"classes": classes, "scores": scores}

    def regress(self, examples: tf.Tensor) -> Outputs:
        return {"outputs": self._heads(self._run(*self._parse(examples))["logits"])["value"]}

    def embed(self, *texts: tf.Tensor) -> Outputs:
        return {"embedding": tf.cast(self._run(*texts)["pooled_output"], tf.float32)}

    def segments(self, *texts: tf.Tensor) -> list[tf.RaggedTensor]:
        return [self._trained.tokenizer.tokenize(text) for text in texts]

    def tokens_function(self) -> tf.types.experimental.PolymorphicFunction:
        names = ("token_ids", "segment_ids", "padding_mask")

        @tf.function(
            input_signature=[tf.TensorSpec([None, None], tf.int32, name=name) for name in names],
            autograph=False,
        )
        def tokens(*arrays):
            checked = [tf.ensure_shape(array, [None, None]) for array in arrays]
            same_shape = [
                tf.debugging.assert_equal(
                    tf.shape(array),
                    tf.shape(checked[0]),
                    message=f"{name} and {names[0]} need the same shape.",
                )
                for name, array in zip(names[1:], checked[1:], strict=True)
            ]
            # Without the dependency a gather may fail first, with a message that says nothing.
            with tf.control_dependencies(same_shape):
                checked = [tf.identity(array) for array in checked]
            inputs = dict(zip(names, checked, strict=True))
            return self.answer_to_tokens(self._trained.model(inputs, training=False))

        return tokens

    def answer_to_tokens(self, outputs: Outputs) -> Outputs:
        return self._heads(outputs["logits"])

    def _parse(self, examples: tf.Tensor) -> list[tf.Tensor]:
        features = {name: tf.io.FixedLenFeature([], tf.string) for name in self.text_names}
        parsed = tf.io.parse_example(examples, features)
        return [parsed[name] for name in self.text_names]

    def _run(self, *texts: tf.Tensor) -> Outputs:
        packed = pack_texts(
            self._trained.tokenizer.vocabulary,
            self.segments(*texts),
            max_length=self._trained.settings.max_length,
            pad_to_multiple_of=self._pad_to_multiple_of,
        )
        return self._trained.model(packed, training=False)

    def _heads(self, logits: tf.Tensor) -> Outputs:
        logits = tf.cast(logits, tf.float32)
        if self._trained.decision:
            logits /= self._trained.decision.temperature
        match self._trained.settings.task:
            case "regression":
                return {"value": logits[:, 0]}
            case "multi_label":
                return {"probabilities": tf.sigmoid(logits)}
        return {"probabilities": tf.nn.softmax(logits)}

    def _chosen(self, probabilities: tf.Tensor) -> tf.Tensor:
        """Returns the place of each row's answer in `_classes`, int64 [n]."""
        best = tf.argmax(probabilities, axis=-1)
        if not self._rejects:
            return best
        is_sure = tf.reduce_max(probabilities, axis=-1) >= tf.gather(self._thresholds(), best)
        return tf.where(is_sure, best, len(self._trained.settings.labels))

    def _classes(self) -> tf.Tensor:
        """Returns the labels, and after them the unknown label of a model that rejects."""
        labels, decision = self._trained.settings.labels, self._trained.decision
        unknown = (decision.unknown_label,) if decision and self._rejects else ()
        return tf.constant((*labels, *unknown), tf.string)

    def _thresholds(self) -> tf.Tensor:
        assert self._trained.decision is not None
        thresholds = self._trained.decision.thresholds
        in_order = [thresholds[label] for label in self._trained.settings.labels]
        return tf.constant(in_order, tf.float32)

    @property
    def _rejects(self) -> bool:
        decision = self._trained.decision
        return decision is not None and decision.unknown_label is not None


class _ServedTopLabels(_ServedClassifier):
    """The bodies for a model with an adaptive head, which names its best labels only."""

    def __init__(self, trained: TrainedModel, pad_to_multiple_of: int):
        super().__init__(trained, pad_to_multiple_of)
        self._softmax = softmax_of(trained.model)
        self._count = min(trained.settings.top_labels, len(trained.settings.labels))

    def answer(self, *texts: tf.Tensor) -> Outputs:
        best = self.answer_to_tokens(self._run(*texts))
        return {"label": best["labels"][:, 0], "score": best["probabilities"][:, 0], **best}

    def classify(self, examples: tf.Tensor) -> Outputs:
        best = self.answer_to_tokens(self._run(*self._parse(examples)))
        return {"classes": best["labels"], "scores": best["probabilities"]}

    def answer_to_tokens(self, outputs: Outputs) -> Outputs:
        best = self._softmax.top_k(outputs, self._count)
        names = tf.gather(self._classes(), best.labels)
        return {"labels": names, "probabilities": tf.cast(best.probabilities, tf.float32)}
