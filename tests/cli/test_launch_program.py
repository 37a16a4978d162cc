"""bertcls-launch with real processes: small Python programs stand in for the training."""

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import textwrap

import pytest

from keras_bert_cls.cli.launch import main

LAUNCH = [sys.executable, "-m", "keras_bert_cls.cli.launch"]
WAIT_SECONDS = 60

# Says that it is there, and waits for SIGTERM.
PATIENT = """
    import os, signal, sys

    def stop(number, frame):
        print("asked", flush=True)
        {answer}

    signal.signal(signal.SIGTERM, stop)
    print("ready", os.getpid(), flush=True)
    while True:
        signal.pause()
"""
SAVING = PATIENT.format(answer="sys.exit(42)")
STUBBORN = PATIENT.format(answer="pass")


def command(workers, code, *flags):
    return [*LAUNCH, f"--workers={workers}", *flags, "--", *python(code)]


def python(code):
    return [sys.executable, "-c", textwrap.dedent(code)]


def run(workers, code, *flags, **options):
    return subprocess.run(
        command(workers, code, *flags), capture_output=True, timeout=WAIT_SECONDS, **options
    )


@contextlib.contextmanager
def running(workers, code, *flags):
    """A launcher under way; gone at the end."""
    process = subprocess.Popen(
        command(workers, code, *flags), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def read_lines(process, pattern, count):
    """Reads the launcher's output until `count` lines match; returns the matches."""
    found = []
    while len(found) < count:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        found += [match] if (match := re.fullmatch(pattern, line.rstrip("\n"))) else []
    return found


def wait_for_end(pid_descriptors):
    """Waits until processes that are not our children have ended."""
    for descriptor in pid_descriptors:
        assert select.select([descriptor], [], [], WAIT_SECONDS)[0], "still runs"
        os.close(descriptor)


def read_events(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_output_is_merged_by_worker_and_kept_in_logs(tmp_path):
    code = """
        import json, os, sys
        me = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
        for number in range(20_000):
            print(f"out {me} {number}")
            print(f"err {me} {number} {'x' * 50}", file=sys.stderr)
    """
    done = run(2, code, f"--log_dir={tmp_path}", env={**os.environ, "PYTHONUNBUFFERED": ""})
    assert done.returncode == 0
    for stream, kind, tail in ((done.stdout, "out", ""), (done.stderr, "err", " " + "x" * 50)):
        lines = stream.decode().splitlines()
        assert len(lines) == 2 * 20_000
        for me in range(2):
            expected = [f"{kind} {me} {number}{tail}" for number in range(20_000)]
            prefix = f"[worker {me}] "
            assert [ln.removeprefix(prefix) for ln in lines if ln.startswith(prefix)] == expected
            log = (tmp_path / f"worker-{me}.log").read_text().splitlines()
            assert [line for line in log if line.startswith(kind)] == expected


def test_bars_and_bytes_that_are_no_text():
    code = r"""
        import sys
        sys.stdout.buffer.write(b"\r 1%\r 100%\n\xff\xfe \xe9\x9c\x9c\nno end")
    """
    done = run(2, code)
    for me in range(2):
        lines = [ln for ln in done.stdout.decode().splitlines() if ln.startswith(f"[worker {me}]")]
        assert [line[11:] for line in lines] == [" 1%", " 100%", r"\xff\xfe 霜", "no end"]


def test_logs_are_appended_to(tmp_path):
    log = tmp_path / "logs" / "worker-0.log"
    for _ in range(2):
        assert run(1, "print('once')", f"--log_dir={log.parent}").returncode == 0
    assert log.read_text() == "once\nonce\n"


def test_a_full_disk_does_not_stop_the_work(tmp_path):
    (tmp_path / "worker-0.log").symlink_to("/dev/full")
    done = run(1, "for n in range(3): print(n)", f"--log_dir={tmp_path}")
    assert (done.returncode, done.stdout) == (0, b"0\n1\n2\n")
    assert done.stderr.decode() == (
        f"bertcls-launch: no more is written to {tmp_path}/worker-0.log: No space left on device\n"
    )


def test_a_killed_run_comes_back(tmp_path):
    code = f"""
        import json, os, pathlib, signal, sys
        config = json.loads(os.environ["TF_CONFIG"])
        me, cluster = config["task"]["index"], config["cluster"]["worker"]
        mark = pathlib.Path({str(tmp_path)!r}, f"started-{{me}}")
        print("cluster", *cluster)
        if mark.exists():
            sys.exit(0)
        mark.touch()
        if me == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        sys.exit(75)
    """
    events = tmp_path / "events.jsonl"
    done = run(2, code, f"--events={events}")
    assert done.returncode == 0, done.stderr
    clusters = re.findall(r"cluster (127\.0\.0\.1:\d+) (127\.0\.0\.1:\d+)", done.stdout.decode())
    assert len(clusters) == 4
    assert all(first != second for first, second in clusters)
    assert len(set(clusters)) == 2  # the same for both workers, anew at the second start
    seen = read_events(events)
    assert [(e["worker"], e["start"]) for e in seen if e["event"] == "started"] == [
        (0, 0),
        (1, 0),
        (0, 1),
        (1, 1),
    ]
    exits = [(e["worker"], e["code"]) for e in seen if e["event"] == "exited"]
    assert sorted(exits[:2]) == [(0, 75), (1, -9)]
    assert sorted(exits[2:]) == [(0, 0), (1, 0)]
    assert [e["wait_seconds"] for e in seen if e["event"] == "restarting"] == [1.0]
    assert seen[-1]["event"] == "finished"
    assert [e["time"] for e in seen] == sorted(e["time"] for e in seen)


def test_giving_up_passes_the_signal_on():
    done = run(1, "import os; os.kill(os.getpid(), 9)", "--max_restarts=0")
    assert done.returncode == 137
    assert b"giving up after 0 restarts (--max_restarts): " in done.stderr


def test_a_user_error_is_what_is_seen_last():
    code = """
        import json, os, signal, sys
        if json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 0:
            signal.pause()
        print("bertcls-pretrain: data.txt:3: no text", file=sys.stderr)
        sys.exit(1)
    """
    done = run(2, code)
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-2:] == [
        "bertcls-launch: worker 1 ended with code 1; a restart would not help",
        "bertcls-launch:   bertcls-pretrain: data.txt:3: no text",
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_forwarded(number):
    with running(2, SAVING) as launcher:
        read_lines(launcher, r"\[worker .\] ready .*", 2)
        launcher.send_signal(number)
        read_lines(launcher, r"\[worker .\] asked", 2)
        assert launcher.wait(WAIT_SECONDS) == 42
        assert launcher.stderr.read().splitlines()[-1] == (
            "bertcls-launch: stopped; all is saved, the same command resumes"
        )


def test_who_does_not_stop_in_time_is_killed():
    with running(2, STUBBORN, "--grace_seconds=0.2") as launcher:
        read_lines(launcher, r"\[worker .\] ready .*", 2)
        launcher.terminate()
        assert launcher.wait(WAIT_SECONDS) == 1
        assert "worker 1 was killed by SIGKILL" in launcher.stderr.read()


def test_a_second_interrupt_kills():
    with running(2, STUBBORN, "--grace_seconds=3600") as launcher:
        read_lines(launcher, r"\[worker .\] ready .*", 2)
        launcher.send_signal(signal.SIGINT)
        read_lines(launcher, r"\[worker .\] asked", 2)
        launcher.send_signal(signal.SIGINT)
        assert launcher.wait(WAIT_SECONDS) == 1


# A worker with a child of its own; both ignore SIGTERM.
PARENT = """
    import os, signal, subprocess, sys
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "3600"])
    print("family", os.getpid(), child.pid, flush=True)
    {then}
"""


def test_a_killed_launcher_leaves_no_orphans():
    with running(2, PARENT.format(then="signal.pause()")) as launcher:
        families = read_lines(launcher, r"\[worker .\] family (\d+) (\d+)", 2)
        processes = [os.pidfd_open(int(pid)) for family in families for pid in family.groups()]
        launcher.kill()
        launcher.wait(WAIT_SECONDS)
        wait_for_end(processes)


def test_what_a_worker_has_started_ends_with_it():
    done = run(1, PARENT.format(then="sys.exit(3)"), "--max_restarts=0")
    assert done.returncode == 3
    child = int(done.stdout.split()[-1])
    with contextlib.suppress(ProcessLookupError):
        wait_for_end([os.pidfd_open(child)])


def test_a_single_worker_gets_no_cluster_and_no_prefix(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    done = run(1, "import os; print(os.environ.get('TF_CONFIG'))")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"None\n", b"")


def test_pipes_work_in_a_worker_as_in_a_shell():
    pipeline = "yes | head -n 1"  # `yes` complains where SIGPIPE is ignored, as Python does
    done = subprocess.run(
        [*LAUNCH, "--workers=1", "--", "sh", "-c", pipeline], capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"y\n", b"")


def test_a_reader_that_goes_away_does_not_stop_the_work(tmp_path):
    code = f"""
        for number in range(100_000):
            print(number)
        open({str(tmp_path / "done")!r}, "w")
    """
    with running(1, code) as launcher:
        launcher.stdout.readline()
        launcher.stdout.close()
        assert launcher.wait(WAIT_SECONDS) == 0
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--workers=2"], 1, "expected a command after --"),
        (["--workers=2", "--", "no-such-program"], 1, "there is no 'no-such-program' on the PATH"),
        (["--workers=1", "--log_dir=/dev/null/x", "--", "true"], 1, "cannot write /dev/null/x/"),
        (["--workers=0", "--", "true"], 2, "workers"),
        (["--", "true"], 2, "--workers is required"),
        (["--workers=1", "--manifest=job", "--image=i", "--", "true"], 2, "--volume_claim"),
        (["--workers=1", "--image=i", "--", "true"], 2, "--manifest goes with"),
    ],
)
def test_wrong_commands(capsys, arguments, code, message):
    assert main(arguments) == code
    error = capsys.readouterr().err
    assert error.startswith("bertcls-launch: ")
    assert message in error


def test_the_commands_flags_are_its_own(capfd):
    assert main(["--workers", "1", "echo", "--workers", "7", "--config.x=1"]) == 0
    assert capfd.readouterr().out == "--workers 7 --config.x=1\n"
