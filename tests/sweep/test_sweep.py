"""Whole sweeps of a stand-in trainer."""

import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest
from small_sweeps import SECONDS, await_that, make_sweep, read_table, starts_of
from tiny_runs import finetune_config, write_config

from keras_bert_cls.cli.config_flag import load_config
from keras_bert_cls.errors import UserError
from keras_bert_cls.sweep import trial_process
from keras_bert_cls.sweep.space import Choices, Uniform
from keras_bert_cls.training.config import FinetuneConfig

SCRIPT = str(pathlib.Path(__file__).with_name("small_sweeps.py"))


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch):
    monkeypatch.setattr(trial_process, "_POLL_SECONDS", 0.02)


@pytest.fixture
def folder(tmp_path):
    write_config(tmp_path / "config.py", finetune_config(tmp_path, head_dropout=0.1))
    return tmp_path


def score_of(dropout, seed=3):
    return 1 - abs(dropout - 0.2) + seed / 1000


def start(folder, trials):
    return subprocess.Popen([sys.executable, SCRIPT, str(folder), str(trials)])


def is_alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def pid_of(folder, trial):
    return int((folder / f"sweep/trials/{trial:04}/pid").read_text())


def test_the_best_trial_is_found_and_kept(folder):
    said = []
    assert make_sweep(folder, 6, said=said).run() == 0
    rows = read_table(folder)
    assert [row["number"] for row in rows] == list("012345")
    assert float(rows[0]["head.dropout"]) == 0.1  # the config as it is
    for row in rows:
        assert float(row["score"]) == pytest.approx(score_of(float(row["head.dropout"])))
    best = max(rows, key=lambda row: float(row["score"]))
    assert {
        row["number"] for row in rows if pathlib.Path(row["workdir"], "model.keras").exists()
    } == {best["number"]}
    assert all(pathlib.Path(row["workdir"], "metrics.jsonl").exists() for row in rows)
    assert f"trial {best['number']} in" in said[-1]
    assert "were removed" in said[-2]
    assert any("importance: head.dropout 100%" in text for text in said)

    config = load_config(f"{folder}/sweep/best_config.py", FinetuneConfig)
    assert config == finetune_config(folder, head_dropout=float(best["head.dropout"]))
    text = (folder / "sweep/best_config.py").read_text()
    assert text.startswith(f'"""Best of 6 trials of a sweep: accuracy {float(best["score"]):.4f}')
    assert "bertcls-sweep --config" in text


def test_finished_trials_are_not_repeated(folder):
    assert make_sweep(folder, 2, keep_checkpoints=True).run() == 0
    before = read_table(folder)
    assert all((folder / f"sweep/trials/000{n}/model.keras").exists() for n in range(2))
    assert make_sweep(folder, 3, keep_checkpoints=True).run() == 0
    assert read_table(folder)[:2] == before
    assert [starts_of(folder, n) for n in range(3)] == [[0], [0], [0]]
    assert len({row["head.dropout"] for row in read_table(folder)}) == 3


def test_bad_trials_are_pruned(folder):
    space = {"head.dropout": Choices((0.2, 0.21, 0.22, 0.45))}
    assert make_sweep(folder, 10, space, pruner="median").run() == 0
    rows = read_table(folder)
    pruned = [row for row in rows if row["state"] == "pruned"]
    assert pruned
    for row in pruned:
        assert row["head.dropout"] != "0.2"
        assert row["score"] == ""
        assert not pathlib.Path(row["workdir"], "model.keras").exists()
        assert int(pathlib.Path(row["workdir"], "state.json").read_text()) < 20
        assert row["message"].startswith("pruned after evaluation ")
    assert "0.2" in {row["head.dropout"] for row in rows if row["state"] == "complete"}


def test_hyperband_lets_some_trials_come_to_their_end(folder):
    assert make_sweep(folder, 5, pruner="hyperband").run() == 0
    states = [row["state"] for row in read_table(folder)]
    assert "complete" in states
    assert set(states) <= {"complete", "pruned"}


def test_a_sweep_that_is_killed_goes_on(folder):
    (folder / "hold").touch()
    process = start(folder, 2)
    metrics = folder / "sweep/trials/0000/state.json"
    await_that(lambda: metrics.exists() and metrics.read_text() == "2")
    trainer = pid_of(folder, 0)
    process.kill()
    process.wait(SECONDS)
    await_that(lambda: not is_alive(trainer))  # else two would write into one folder
    (folder / "hold").unlink()
    said = []
    assert make_sweep(folder, 2, said=said).run() == 0
    assert said[0].startswith("trial 0 goes on")
    assert [starts_of(folder, n) for n in range(2)] == [[0, 2], [0]]
    assert [row["state"] for row in read_table(folder)] == ["complete"] * 2


def test_sigterm_lets_runs_save_and_the_same_sweep_goes_on(folder):
    (folder / "hold").touch()
    process = start(folder, 1)
    state = folder / "sweep/trials/0000/state.json"
    await_that(lambda: state.exists() and state.read_text() == "2")
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 42
    assert read_table(folder)[0]["state"] == "running"
    (folder / "hold").unlink()
    assert make_sweep(folder, 1).run() == 0
    assert starts_of(folder, 0) == [0, 2]
    assert float(read_table(folder)[0]["score"]) == pytest.approx(score_of(0.1))


def test_a_run_that_is_killed_continues(folder):
    (folder / "hold").touch()
    state = folder / "sweep/trials/0000/state.json"

    def kill():
        await_that(lambda: state.exists() and state.read_text() == "2")
        os.kill(pid_of(folder, 0), signal.SIGKILL)
        (folder / "hold").unlink()

    killer = threading.Thread(target=kill)
    killer.start()
    assert make_sweep(folder, 1).run() == 0
    killer.join()
    assert starts_of(folder, 0) == [0, 2]
    assert read_table(folder)[0]["state"] == "complete"


def test_a_run_that_is_killed_too_often_has_failed(folder):
    (folder / "hold").touch()
    state = folder / "sweep/trials/0000/state.json"

    def kill():
        await_that(lambda: state.exists() and state.read_text() == "2")
        os.kill(pid_of(folder, 0), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(UserError, match="was killed by SIGKILL"):
        make_sweep(folder, 1, max_restarts=0).run()
    killer.join()


def test_two_workers_run_at_once(folder):
    (folder / "meet").mkdir()  # A trainer alone would wait for ever.
    assert make_sweep(folder, 4, workers=2).run() == 0
    assert [row["state"] for row in read_table(folder)] == ["complete"] * 4
    threads = {path.read_text() for path in folder.glob("sweep/trials/*/threads")}
    assert len(threads) == 1
    assert int(threads.pop()) <= max(1, os.cpu_count() // 2)


def test_two_processes_share_a_sweep(folder):
    (folder / "meet").mkdir()
    other = start(folder, 4)
    assert make_sweep(folder, 4).run() == 0
    assert other.wait(SECONDS) == 0
    assert [starts_of(folder, n) for n in range(4)] == [[0]] * 4
    assert [row["state"] for row in read_table(folder)] == ["complete"] * 4


def test_a_broken_trial_is_recorded_and_the_sweep_goes_on(folder):
    space = {"head.dropout": Choices((0.1, 0.7))}
    assert make_sweep(folder, 6, space).run() == 0
    states = {(row["head.dropout"], row["state"]) for row in read_table(folder)}
    assert states == {("0.1", "complete"), ("0.7", "failed")}
    failed = next(row for row in read_table(folder) if row["state"] == "failed")
    assert failed["message"] == (
        "the run ended with code 1 bertcls-finetune: a dropout of 0.70 is no good"
    )


def test_without_any_score_it_is_an_error(folder):
    with pytest.raises(
        UserError, match=r"none of the 2 trials(.|\n)*dropout of 0.[67]. is no good"
    ):
        make_sweep(folder, 2, {"head.dropout": Uniform(0.6, 0.79)}).run()
    assert not (folder / "sweep/best_config.py").exists()


def test_several_seeds_count_by_their_mean(folder):
    assert make_sweep(folder, 1, seeds=3).run() == 0
    [row] = read_table(folder)
    assert float(row["score"]) == pytest.approx(sum(score_of(0.1, s) for s in (3, 4, 5)) / 3)
    names = {path.name for path in pathlib.Path(row["workdir"]).iterdir()}
    assert names == {"seed-0", "seed-1", "seed-2"}


def test_another_space_needs_another_folder(folder):
    assert make_sweep(folder, 1).run() == 0
    with pytest.raises(UserError, match=r"another config or space(.|\n)*space.head.dropout"):
        make_sweep(folder, 1, {"head.dropout": Uniform(0.0, 0.3)})


def test_a_sweep_needs_dev_data(folder):
    config = finetune_config(folder, data_dev_files=())
    write_config(folder / "config.py", config)
    with pytest.raises(UserError, match="dev_files"):
        make_sweep(folder, 1)
