"""Stands in for bertcls-finetune: its flags, files and exit codes, and no TensorFlow.

Evaluation n of 20 has the dev accuracy n / 20 * (1 - |head.dropout - 0.2|). state.json is the
checkpoint; starts.txt gets the evaluation that each start goes on from. In the folder of the config
these files have a meaning: `hold`: wait after evaluation 2 until it is gone; `meet`: wait until
another trainer runs too. A dropout of 0.5 or more fails.
"""

import json
import os
import pathlib
import signal
import sys
import time

PREEMPTED = 42
EVALUATIONS = 20
SECONDS = 60
STEP_SECONDS = 0.02  # So that there is a time to be pruned and killed at.

asked_to_stop = []
signal.signal(signal.SIGTERM, lambda *_: asked_to_stop.append(True))


def main():
    flags = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:])
    folder, workdir = pathlib.Path(flags["config"]).parent, pathlib.Path(flags["workdir"])
    dropout = float(flags.get("config.head.dropout", 0.1))
    seed = int(flags.get("config.seed", 3))
    workdir.mkdir(parents=True, exist_ok=True)
    print("this is the trainer", file=sys.stderr)
    if dropout >= 0.5:
        print(f"bertcls-finetune: a dropout of {dropout:.2f} is no good", file=sys.stderr)
        return 1
    state = workdir / "state.json"
    done = json.loads(state.read_text()) if state.exists() else 0
    (workdir / "pid").write_text(str(os.getpid()))
    with (workdir / "starts.txt").open("a") as file:
        file.write(f"{done}\n")
    meet(folder / "meet")
    (workdir / "threads").write_text(os.environ["TF_NUM_INTRAOP_THREADS"])
    for evaluation in range(done + 1, EVALUATIONS + 1):
        time.sleep(STEP_SECONDS)
        accuracy = evaluation / EVALUATIONS * (1 - abs(dropout - 0.2)) + seed / 1000
        line = {"step": evaluation * 5, "kind": "dev", "accuracy": accuracy, "loss": 1.0}
        with (workdir / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        state.write_text(str(evaluation))
        while evaluation == 2 and (folder / "hold").exists() and not asked_to_stop:
            time.sleep(0.01)
        if asked_to_stop:
            return PREEMPTED
    (workdir / "model.keras").write_text("weights")
    (workdir / "checkpoints").mkdir(exist_ok=True)
    return 0


def meet(place):
    """Waits until two trainers are here."""
    if place.exists():
        (place / str(os.getpid())).touch()
        end = time.monotonic() + SECONDS
        while len(list(place.iterdir())) < 2:
            if time.monotonic() > end:
                raise SystemExit("no other trainer came")
            time.sleep(0.01)


if __name__ == "__main__":
    raise SystemExit(main())
