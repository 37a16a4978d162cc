"""Multi-task runs from files to a server's answers; killed; on several devices."""

import json
import subprocess
import sys

import numpy as np
import pytest
from running_server import running_server
from server_stubs import Stubs
from tensorflow_serving.apis import inference_pb2
from tiny_multitask import MATCH, TAGS, TONE, VALUE, multitask_config
from tiny_runs import LABELS, finetune_config, write_config, write_files
from whole_runs import Program, assert_same_end, read_lines, weights_of

from keras_bert_cls.cli import evaluate, export, multitask, predict
from keras_bert_cls.client import Client
from keras_bert_cls.data.batch_plan import BatchPlan
from keras_bert_cls.data.batches import PretrainingBatches
from keras_bert_cls.data.masking import TokenMasker
from keras_bert_cls.data.pipeline import evaluation_dataset, with_masking
from keras_bert_cls.data.token_store import TokenStore
from keras_bert_cls.errors import UserError
from keras_bert_cls.export.model_card import read_model_card
from keras_bert_cls.inference import Classifier
from keras_bert_cls.modeling.trained_model import TrainedModel
from keras_bert_cls.training.finetune import finetune
from keras_bert_cls.training.multitask import train_multitask
from keras_bert_cls.training.run_directory import RunDirectory
from keras_bert_cls.training.scores_file import read_scores

TASKS = (TONE, MATCH, VALUE, TAGS)
TEXTS = ["the film was great", "差 电 影", ""]
PAIRS = ["a long one", "好", "the film"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("multitask")
    write_files(folder)
    return folder


@pytest.fixture(scope="module")
def run(files):
    """A finished run of the program; its rules keep the head of TAGS as it began."""
    config = multitask_config(files, optimizer_rules=((f"^{TAGS}_", 0.0, 0.0),))
    path = write_config(files / "config.py", config)
    folder = files / "run"
    assert multitask.main(["--config", str(path), "--workdir", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def exported(run, files):
    assert export.main(["--workdir", str(run), "--output", str(files / "out")]) == 0
    return files / "out" / "1"


@pytest.fixture(scope="module")
def answers(run):
    """What the run answers to TEXTS, by task."""
    return {task: Classifier.load(run, task).predict(TEXTS, pairs_of(task)) for task in TASKS}


def pairs_of(task):
    return PAIRS if task == MATCH else None


def assert_alike(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.label == other.label
        if other.value is not None:
            assert one.value == pytest.approx(other.value, abs=1e-5)
        else:
            assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)


def test_what_a_run_leaves(run, files):
    scores = read_scores(run / "scores.json")
    for split in ("dev", "test"):
        values = scores[split].values
        counted = {TONE: "accuracy", MATCH: "accuracy", VALUE: "pearson", TAGS: "micro_f1"}
        mean = np.mean([values[f"{task}/{metric}"] for task, metric in counted.items()])
        assert values["mean"] == pytest.approx(mean)
    assert {label.label for label in scores["dev"].labels} >= {f"{TONE}/good", f"{TAGS}/so"}
    assert "masked_lm/loss" not in scores["test"].values
    lines = read_lines(run / "metrics.jsonl")
    logged = {name for line in lines if line["kind"] == "train" for name in line}
    assert {f"{task}/loss" for task in TASKS} | {"masked_lm/masked_accuracy"} <= logged
    assert "mean" in next(line for line in lines if line["kind"] == "dev")
    weights = weights_of(run)
    header, *rows = (files / "train.tsv").read_text(encoding="utf-8").splitlines()
    tags = [row.split("\t")[header.split("\t").index("labels")].split(",") for row in rows]
    counts = np.array([sum(label in each for each in tags) for label in LABELS])
    frozen = np.log((counts + 1) / (len(rows) - counts + 1))
    np.testing.assert_allclose(weights[f"{TAGS}_logits/bias"], frozen, atol=1e-6)
    assert weights[f"{TONE}_logits/bias"].any()


def test_the_masked_lm_is_scored_on_dev_text(run):
    trained = TrainedModel.load(run)
    config = RunDirectory(run).read_config().masked_lm_alone()
    store = TokenStore(run / "data" / "masked_lm" / "dev")
    vocabulary = trained.tokenizer.vocabulary
    batches = PretrainingBatches(store, vocabulary, seed=config.seed + 1)
    rows = evaluation_dataset(BatchPlan(store.lengths("token_ids"), 8), batches)
    losses, weights, right = [], [], []
    for batch in with_masking(rows, TokenMasker(vocabulary, config.masking), config.seed + 1):
        inputs = {name: batch[name] for name in trained.model.input}
        logits = trained.model.predict_on_batch(inputs)["masked_lm"]["logits"].astype(float)
        logits -= np.log(np.exp(logits).sum(-1, keepdims=True))
        labels = batch["mask_labels"].numpy()
        losses.append(-np.take_along_axis(logits, labels[..., np.newaxis], -1)[..., 0])
        right.append(logits.argmax(-1) == labels)
        weights.append(batch["mask_weights"].numpy())
    found = read_scores(run / "scores.json")["dev"].values
    weights = np.concatenate([each.ravel() for each in weights])
    for name, values in (("loss", losses), ("masked_accuracy", right)):
        expected = np.average(np.concatenate([each.ravel() for each in values]), weights=weights)
        assert found[f"masked_lm/{name}"] == pytest.approx(expected, rel=1e-5)


def test_evaluating_each_task_gives_the_scores_of_the_run(run, files, capsys):
    expected = read_scores(run / "scores.json")["test"].values
    for task in TASKS:
        evaluate.program.flags.unparse_flags()
        output = files / f"{task}.json"
        flags = ["--workdir", str(run), "--task", task, "--data", str(files / "test.tsv")]
        assert evaluate.main([*flags, "--output", str(output)]) == 0
        values = json.loads(output.read_text())["data"]["values"]
        wanted = {name: expected[f"{task}/{name}"] for name in values}
        assert values == pytest.approx(wanted, rel=1e-5)
    evaluate.program.flags.unparse_flags()
    assert evaluate.main(["--workdir", str(run), "--data", str(files / "test.tsv")]) == 1
    assert "name one of tone, match, value, tags" in capsys.readouterr().err


def test_the_export_answers_as_the_run(run, exported, answers):
    card = read_model_card(exported)
    assert card["tasks"][TAGS]["labels"] == ["bad", "good", "so"]
    assert card["training"]["scores"]["dev"]["values"]["mean"] is not None
    assert (exported / "assets/match_labels.txt").read_text() == "bad\ngood\nso\n"
    loaded = {task: Classifier.load(exported, task) for task in TASKS}
    for task, classifier in loaded.items():
        assert classifier.task == card["tasks"][task]["task"]
        assert_alike(classifier.predict(TEXTS, pairs_of(task)), answers[task])
    assert loaded[TONE].embed(TEXTS).shape == (3, 8)
    with pytest.raises(UserError, match="has the signature embed of its first task only, tone"):
        loaded[TAGS].embed(TEXTS)
    with pytest.raises(UserError, match="has several tasks: name one of tone, match"):
        Classifier.load(exported)
    with pytest.raises(UserError, match=r"the model has no task 'tine'; .* Did you mean 'tone'"):
        Classifier.load(run, "tine")


@pytest.mark.slow
def test_the_export_loads_with_tensorflow_alone(exported, answers):
    program = f"""
import json, sys, tensorflow as tf, tensorflow_text
model = tf.saved_model.load({str(exported)!r})
texts, pairs = tf.constant({TEXTS!r}), tf.constant({PAIRS!r})
match = model.signatures["match"](text=texts, text_pair=pairs)
value = model.signatures["value"](text=texts)
assert not any(name.startswith("keras_bert_cls") for name in sys.modules)
print(json.dumps([match["score"].numpy().tolist(), value["value"].numpy().tolist()]))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    scores, values = json.loads(ran.stdout)
    assert scores == pytest.approx([answer.score for answer in answers[MATCH]], abs=1e-5)
    assert values == pytest.approx([answer.value for answer in answers[VALUE]], abs=1e-5)


def test_a_server_answers_every_task(run, exported, answers, files, capsys):
    with running_server(exported.parent) as server:
        with Client(server.address, "tiny") as client:
            for task in TASKS:
                assert_alike(client.predict(TEXTS, pairs_of(task), task=task), answers[task])
            assert_alike(client.predict(TEXTS), answers[TONE])
            found = client.classify(TEXTS, PAIRS, task=MATCH)
            assert_alike(found, answers[MATCH])
        stubs = Stubs(server.address)
        with stubs.channel:
            request = inference_pb2.MultiInferenceRequest()
            for text in TEXTS:
                feature = request.input.example_list.examples.add().features.feature["text"]
                feature.bytes_list.value.append(text.encode())
            for signature, method in (("tone_classify", "classify"), ("value_regress", "regress")):
                asked = request.tasks.add(method_name=f"tensorflow/serving/{method}")
                asked.model_spec.name, asked.model_spec.signature_name = "tiny", signature
            tone, value = stubs.prediction.MultiInference(request).results
        for row, answer in zip(
            tone.classification_result.classifications, answers[TONE], strict=True
        ):
            scores = {entry.label: entry.score for entry in row.classes}
            assert scores == pytest.approx(answer.probabilities, abs=1e-5)
        values = [row.value for row in value.regression_result.regressions]
        assert values == pytest.approx([answer.value for answer in answers[VALUE]], abs=1e-5)
        content = "".join(f"{text}\n" for text in TEXTS[:2])
        (files / "texts.txt").write_text(content, encoding="utf-8")
        lines = []
        for flags in (
            ["--server", server.address, "--model_name", "tiny"],
            ["--model", str(run)],
        ):
            predict.program.flags.unparse_flags()
            flags += ["--task", TAGS, "--data", str(files / "texts.txt")]
            assert predict.main(flags) == 0
            lines.append([line.split("\t")[0] for line in capsys.readouterr().out.splitlines()])
        assert lines[0] == lines[1] == [answer.label for answer in answers[TAGS][:2]]


def test_one_task_is_the_plain_run(files):
    fields = {"train_steps": 8, "data_test_files": (), "head_class_weight": "balanced"}
    plain = finetune_config(files, **fields)
    config = multitask_config(files, (TONE,), text=False, train_steps=8)
    (task,) = config.tasks
    task.data, task.head = plain.data, plain.head
    expected = finetune(plain, files / "plain")
    found = train_multitask(config, files / "one task")
    weights = {v.path: v.numpy() for v in found.trained.of_task(TONE).model.weights}
    for variable in expected.trained.model.weights:
        path = variable.path.replace("logits/", f"{TONE}_logits/")
        np.testing.assert_array_equal(weights[path], variable.numpy(), err_msg=path)
    scores = expected.scores["dev"].values
    assert found.scores["dev"].values == {
        "mean": scores["accuracy"],
        **{f"{TONE}/{name}": value for name, value in scores.items()},
    }


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_a_run_that_is_killed_ends_as_if_nothing_had_happened(tmp_path, precision):
    write_files(tmp_path)
    config = multitask_config(
        tmp_path,
        sampling_kind="annealed",
        train_steps=240,
        train_log_every=6,
        train_eval_every=50,
        train_checkpoint_every=20,
        train_steps_per_call=6,
        train_accumulation=2,
        train_precision=precision,
        encoder_num_layers=1,
    )
    assert config.encoder.dropout == 0.1
    path = write_config(tmp_path / "config.py", config)
    whole, broken = (Program("multitask", path, tmp_path / name) for name in ("whole", "broken"))
    whole.finish()
    for step in (60, 150):
        assert broken.kill_when(lambda s=step: broken.has_logged(s))
        assert not (broken.workdir / "model.keras").exists()
    broken.finish()
    assert_same_end(whole.workdir, broken.workdir)


@pytest.mark.slow
def test_replicas_and_workers_train_as_one_device_does(tmp_path):
    write_files(tmp_path)
    config = multitask_config(
        tmp_path,
        train_steps=20,
        train_log_every=1,
        train_accumulation=2,
        train_max_tokens_per_batch=100,
        optimizer_clip_norm=0.2,
    )
    path = write_config(tmp_path / "config.py", config)
    one = Program("multitask", path, tmp_path / "one", "--strategy=one")
    mirrored = Program(
        "multitask", path, tmp_path / "mirrored", "--strategy=mirrored", "--devices=2"
    )
    workers = Program("multitask", path, tmp_path / "workers", "--strategy=multi_worker")
    workers = workers.on_workers(2, "--max_restarts=0")
    for program in (one, mirrored, workers):
        program.finish()
    expected = weights_of(one.workdir)
    expected_lines = read_lines(one.workdir / "metrics.jsonl")
    for program in (mirrored, workers):
        found = weights_of(program.workdir)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=1e-5, err_msg=name)
        lines = read_lines(program.workdir / "metrics.jsonl")
        for line, wanted in zip(lines, expected_lines, strict=True):
            kind = line["kind"]
            assert line.pop("kind") == wanted["kind"]
            # Predictions that hardly differ yet have a correlation that hangs on the last digits.
            values = {name: wanted[name] for name in line}
            assert line == pytest.approx(values, rel=1e-4, abs=1e-3 if kind == "dev" else 1e-5)
