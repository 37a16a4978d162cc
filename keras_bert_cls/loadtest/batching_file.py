"""A batching parameters file with the measurements that it rests on."""

from collections.abc import Mapping, Sequence

from keras_bert_cls.loadtest.batch_timings import BatchTiming
from keras_bert_cls.loadtest.batching_choice import BatchingChoice


def batching_file(
    circumstances: Sequence[str],
    tables: Mapping[str, Sequence[BatchTiming]],
    choice: BatchingChoice,
) -> str:
    """Returns a BatchingParameters in protobuf's text format, for both servers.

    Args:
      circumstances: sentences for its head: what was measured, on what.
      tables: title -> measurements, for comments.
      choice: the parameters.
    """
    comments = [*circumstances, ""]
    for title, timings in tables.items():
        comments += [title, *table(timings), ""]
    comments += [
        "batch_timeout_micros: no batch waits for more texts while a thread is idle; under load",
        "they gather by themselves. pad_variable_length_inputs: inputs are strings, not ids.",
        _about_allowed_sizes(choice),
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in comments) + _parameters(choice)


def table(timings: Sequence[BatchTiming]) -> list[str]:
    """Returns the lines of a table of measurements."""
    lines = [f"{'texts':>7} {'at a time':>10} {'ms':>9} {'texts/s':>9}"]
    lines += [
        f"{timing.rows:>7} {timing.threads:>10} {timing.milliseconds:>9.2f} "
        f"{timing.rows_per_second:>9.1f}"
        for timing in timings
    ]
    return lines


def _about_allowed_sizes(choice: BatchingChoice) -> str:
    if choice.allowed_batch_sizes:
        return "allowed_batch_sizes: other sizes took no less time than the next of these."
    return "allowed_batch_sizes: none, because a batch of fewer texts takes less time as it is."


def _parameters(choice: BatchingChoice) -> str:
    lines = [
        f"max_batch_size {{ value: {choice.max_batch_size} }}",
        "batch_timeout_micros { value: 0 }",
        f"max_enqueued_batches {{ value: {choice.max_enqueued_batches} }}",
        f"num_batch_threads {{ value: {choice.num_batch_threads} }}",
        *(f"allowed_batch_sizes: {size}" for size in choice.allowed_batch_sizes),
        "pad_variable_length_inputs: false",
    ]
    return "\n".join(lines) + "\n"
