"""Text files -> a folder of packed shards, over several processes; goes on where it was stopped."""

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
from collections.abc import Iterator

from tqdm import tqdm

from keras_bert_cls.data.bad_rows import BadRows
from keras_bert_cls.data.config import PretrainingData
from keras_bert_cls.data.pack_plan import (
    Unit,
    plan_units,
    source_stats,
    unit_bytes_of,
    unit_from_json,
    unit_to_json,
)
from keras_bert_cls.data.packed_shards import (
    MANIFEST,
    VOCABULARY,
    PackedShards,
    PackSettings,
    settings_from_json,
    tokenizer_settings,
    write_json,
)
from keras_bert_cls.data.readers import table_files
from keras_bert_cls.data.table_spec import TableSpec
from keras_bert_cls.data.unit_packer import PackedUnit, UnitPacker, mark_of
from keras_bert_cls.data.unit_workers import pack_units
from keras_bert_cls.errors import UserError
from keras_bert_cls.text.tokenizer import Tokenizer

_PLAN = "plan.json"
_SHARDS_A_UNIT = 8
_BYTES_A_TOKEN = 4  # of text, about


def pack(
    folder: str | os.PathLike,
    config: PretrainingData,
    tokenizer: Tokenizer,
    *,
    rows_per_shard: int = 8192,
    keep_text: bool = False,
    processes: int = 1,
) -> PackedShards:
    """Packs the sequences of `config.files` into TFRecord files.

    The bytes that come out depend neither on `processes` nor on interruptions. What was finished
    before the packing was stopped is not done again.

    Args:
      folder: where the shards go; made if it is not there.
      config: the text, and how it is cut; see PretrainingData.
      tokenizer: turns text into token ids.
      rows_per_shard: sequences of a file at most.
      keep_text: writes the text of each sequence, to be tokenized while training.
      processes: how many work at a time; one works in this process.

    Raises:
      UserError: settings or files are wrong, no text is left, or the folder holds shards of other
        settings or of files that have changed.
    """
    settings = _settings(config, tokenizer, rows_per_shard, keep_text)
    folder = pathlib.Path(folder)
    with _locked(folder):
        units, sources = _plan(folder, settings)
        if (folder / MANIFEST).is_file():
            return PackedShards.open(folder)
        tokenizer.vocabulary.save(folder / VOCABULARY)
        done = {number: PackedUnit.read(mark_of(folder, number)) for number in range(len(units))}
        left = {number: units[number] for number, packed in done.items() if packed is None}
        packer = UnitPacker(folder, settings, tokenizer, sources)
        work = pack_units(packer, left, processes)
        with _progress_bar(units, left) as bar, contextlib.closing(work):
            for number, packed in work:
                done[number] = packed
                bar.update(unit_bytes_of(units[number]))
        finished = [packed for packed in done.values() if packed is not None]
        shards = tuple(shard for packed in finished for shard in packed.shards)
        result = PackedShards(folder, settings, tuple(sources), shards, _skipped(finished))
        if not shards:
            raise UserError(f"no text is left in {', '.join(config.files)}. {result.skipped}")
        result.save()
    return result


def _settings(
    config: PretrainingData, tokenizer: Tokenizer, rows_per_shard: int, keep_text: bool
) -> PackSettings:
    problems = config.problems()
    if rows_per_shard < 1:
        problems.append(f"rows_per_shard must be at least 1, got {rows_per_shard}")
    if keep_text:
        problems += [
            f"{field} {value!r} needs token ids: leave out --keep_text"
            for field in ("pair_objective", "word_segmenter")
            if (value := getattr(config, field)) != "none"
        ]
    if problems:
        raise UserError("\n".join(problems))
    return PackSettings(
        files=tuple(config.files),
        file_format=config.file_format,
        text_column=config.text_column,
        one_document_per_line=config.one_document_per_line,
        on_bad_row=config.on_bad_row,
        max_length=config.max_length,
        pair_objective=config.pair_objective,
        word_segmenter=config.word_segmenter,
        **tokenizer_settings(tokenizer),
        rows_per_shard=rows_per_shard,
        keep_text=keep_text,
    )


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> Iterator[None]:
    """Keeps other processes off the folder; the lock goes with the process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "units").mkdir(exist_ok=True)
        file = open(folder / ".lock", "w")  # noqa: SIM115
    except OSError as error:
        raise UserError(f"--output {folder}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"--output {folder}: another process packs into it now") from None
        yield


def _plan(folder: pathlib.Path, settings: PackSettings) -> tuple[list[Unit], list[str]]:
    """Returns the units and the names of all files; makes the plan if there is none."""
    spec = TableSpec(file_format=settings.file_format, text_column=settings.text_column)
    files = list(dict.fromkeys(table_files(settings.files, spec)))
    stats = [list(stat) for stat in source_stats(files)]
    path = folder / _PLAN
    if path.is_file():
        content = json.loads(path.read_text(encoding="utf-8"))
        _check_plan(folder, content, settings, stats)
        units = [unit_from_json(unit) for unit in content["units"]]
    else:
        shard_bytes = settings.rows_per_shard * settings.max_length * _BYTES_A_TOKEN
        by_line = settings.one_document_per_line
        units = list(plan_units(files, _SHARDS_A_UNIT * shard_bytes, by_line))
        content = {
            "settings": dataclasses.asdict(settings),
            "sources": stats,
            "units": [unit_to_json(unit) for unit in units],
        }
        write_json(path, content)
    return units, [file.name for file in files]


def _check_plan(
    folder: pathlib.Path, content: dict, settings: PackSettings, stats: list[list]
) -> None:
    differences = settings_from_json(content["settings"]).differences(settings)
    before, now = (set(map(tuple, sources)) for sources in (content["sources"], stats))
    changed = {stat[0] for stat in before ^ now}
    differences += [f"{name} was added, removed or changed since" for name in sorted(changed)]
    if differences:
        raise UserError(
            f"--output {folder} was begun with other settings or files:\n"
            + "".join(f"  {difference}\n" for difference in differences[:20])
            + "Give another folder, or delete this one."
        )


def _progress_bar(units: list[Unit], left: dict[int, Unit]) -> tqdm:
    total = sum(map(unit_bytes_of, units))
    done = total - sum(map(unit_bytes_of, left.values()))
    return tqdm(desc="packing", total=total, initial=done, unit="B", unit_scale=True, disable=None)


def _skipped(units: list[PackedUnit]) -> str:
    """Returns the report of BadRows on all units together."""
    together = BadRows("skip")
    for unit in units:
        together.counts.update(unit.skipped)
        for kind, examples in unit.examples.items():
            kept = together.examples.setdefault(kind, [])
            kept += examples[: 3 - len(kept)]
    return together.summary()
