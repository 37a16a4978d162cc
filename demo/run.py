"""The whole path on the demo corpus, from raw text to answers of a server."""

import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

RUNS = pathlib.Path("runs/demo")
CORPUS = pathlib.Path("demo/corpus")
SENTENCES = """\
这家小店的牛肉面真不错，汤鲜肉多，下次还来！
等了一个小时，外卖送到全凉了，太差劲了😡
图书馆周一闭馆，周二上午九点开门。
The staff were friendly and the room was spotless.
It broke after two days and nobody answers my emails.
"""


def program(name: str, *arguments: str) -> list[str]:
    """Returns the command line of a program of ours."""
    return [sys.executable, "-m", f"keras_bert_cls.cli.{name}", *arguments]


def step(title: str, command: list[str], **options) -> None:
    """Prints a heading and the command as a user types it, and runs it."""
    typed = re.sub(r"^\S+ -m keras_bert_cls\.cli\.", "bertcls-", " ".join(command))
    print(f"\n== {title}\n$ {typed}", flush=True)
    start = time.perf_counter()
    subprocess.run(command, check=True, **options)
    print(f"({time.perf_counter() - start:.0f} s)", flush=True)


def serve_and_ask() -> None:
    """Starts the server on a free port, asks it, and stops it."""
    command = program("serve", "--model_name=demo", f"--model_base_path={RUNS}/export", "--port=0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = next(
                match[1]
                for line in server.stdout
                if (match := re.search(r"listening on (\S+)", line))
            )
            step(
                f"Ask the server on {address} over gRPC",
                program("predict", f"--server={address}", "--model_name=demo", "--data=-"),
                input=SENTENCES.encode(),
            )
        finally:
            server.send_signal(signal.SIGTERM)


def main() -> None:
    start = time.perf_counter()
    shutil.rmtree(RUNS, ignore_errors=True)
    RUNS.mkdir(parents=True)
    texts = [f"--input={CORPUS / name}" for name in ("prose_zh.txt", "prose_en.txt", "train.tsv")]
    step(
        "Learn a vocabulary",
        program("vocab", *texts, "--text_column=text", "--size=4000", f"--output={RUNS}/vocab.txt"),
    )
    step(
        "Pretrain a masked language model",
        program("pretrain", "--config=configs/demo_pretrain.py", f"--workdir={RUNS}/pretrain"),
    )
    step(
        "Fine-tune a classifier from it",
        program("finetune", "--config=configs/demo_finetune.py", f"--workdir={RUNS}/finetune"),
    )
    step(
        "The baselines on the same test rows",
        [sys.executable, "demo/naive_bayes.py", f"{CORPUS}/train.tsv", f"{CORPUS}/test.tsv"],
    )
    step(
        "Export a SavedModel",
        program("export", f"--workdir={RUNS}/finetune", f"--output={RUNS}/export"),
    )
    serve_and_ask()
    print(f"\nAll done in {time.perf_counter() - start:.0f} s; everything is in {RUNS}.")


if __name__ == "__main__":
    main()
