"""metrics.jsonl holds each step once, whatever a kill or a full disk left of it."""

import json
import math
import resource

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_bert_cls.errors import UserError
from keras_bert_cls.training.metrics_file import MetricsFile


def lines_of(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@settings(max_examples=50, deadline=None)
@given(
    steps=st.lists(st.integers(0, 9), max_size=8).map(sorted),
    lost_bytes=st.integers(0, 60),
    start=st.integers(0, 10),
)
def test_a_resumed_file_holds_the_whole_lines_up_to_the_checkpoint(
    tmp_path_factory, steps, lost_bytes, start
):
    path = tmp_path_factory.mktemp("run") / "metrics.jsonl"
    file = MetricsFile(path, 0)
    lines = [{"step": step, "kind": "dev", "名": index} for index, step in enumerate(steps)]
    for line in lines:
        file.write(line)
    written = path.read_bytes()
    cut = written[: len(written) - lost_bytes]
    path.write_bytes(cut)
    whole = cut.count(b"\n")

    file = MetricsFile(path, start)
    file.write({"step": 11})
    kept = [line for line in lines[:whole] if line["step"] <= start]
    assert lines_of(path) == [*kept, {"step": 11}]


def test_what_is_no_number_in_json_is_null(tmp_path):
    path = tmp_path / "metrics.jsonl"
    MetricsFile(path, 0).write({"step": 1, "loss": math.nan, "gradient_norm": -math.inf, "a": 0.5})
    assert path.read_text() == '{"step": 1, "loss": null, "gradient_norm": null, "a": 0.5}\n'


def test_a_full_disk_is_said_with_the_file_and_mended_by_resuming(tmp_path):
    path = tmp_path / "metrics.jsonl"
    file = MetricsFile(path, 0)
    file.write({"step": 10})
    size = path.stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Writes beyond some bytes of a file fail from here on, as they do on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5, limits[1]))
    try:
        with pytest.raises(UserError, match=r"metrics\.jsonl: the metrics could not be written"):
            file.write({"step": 20})
        half = path.read_bytes()[size:]
        MetricsFile(path, 10)  # resuming needs no space
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert half == b'{"ste'
    assert lines_of(path) == [{"step": 10}]


@pytest.mark.parametrize("damage", ["no JSON", "[1]", '{"kind": "dev"}', '{"step": "x"}'])
def test_a_damaged_line_is_named(tmp_path, damage):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"step": 1}}\n{damage}\n{{"step": 3}}\n')
    with pytest.raises(UserError, match=r"metrics\.jsonl:2: expected a JSON object with a step"):
        MetricsFile(path, 5)
    assert len(path.read_text().splitlines()) == 3
