"""Which ops take the time, from what TensorFlow's profiler records."""

import collections
import dataclasses
import pathlib
import tempfile
from collections.abc import Callable, Iterable


@dataclasses.dataclass
class OpTime:
    """What the ops of one type took.

    Attributes:
      calls: how many there were.
      seconds: in them, without what they called.
    """

    calls: int = 0
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class Event:
    """An op on one thread; times in any unit."""

    name: str
    start: float
    duration: float


def profiled(action: Callable[[], object]) -> dict[str, OpTime]:
    """Runs an action; returns the times of its ops by type, the dearest first."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        try:
            action()
        finally:
            tf.profiler.experimental.stop()
        (file,) = pathlib.Path(folder).rglob("*.xplane.pb")
        found: dict[str, OpTime] = collections.defaultdict(OpTime)
        for events in _threads(file.read_bytes()):
            for name, time in self_times(events).items():
                found[name].calls += time.calls
                found[name].seconds += time.seconds / 1e12  # from picoseconds
    return dict(sorted(found.items(), key=lambda item: -item[1].seconds))


def self_times(events: Iterable[Event]) -> dict[str, OpTime]:
    """Adds up the events of one thread by name; what stands within another is not the other's."""
    found: dict[str, OpTime] = collections.defaultdict(OpTime)
    open_events: list[Event] = []
    for event in sorted(events, key=lambda event: (event.start, -event.duration)):
        while open_events and event.start >= open_events[-1].start + open_events[-1].duration:
            open_events.pop()
        if open_events:
            found[open_events[-1].name].seconds -= event.duration
        found[event.name].calls += 1
        found[event.name].seconds += event.duration
        open_events.append(event)
    return dict(found)


def _threads(profile: bytes) -> Iterable[list[Event]]:
    """Yields the ops of every thread of the processor; an op's event is called NODE:TYPE."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    for plane in xplane_pb2.XSpace.FromString(profile).planes:
        if plane.name != "/host:CPU":
            continue
        types = {
            number: data.display_name
            for number, data in plane.event_metadata.items()
            if data.display_name and data.name.endswith(f":{data.display_name}")
        }
        for line in plane.lines:
            yield [
                Event(types[event.metadata_id], event.offset_ps, event.duration_ps)
                for event in line.events
                if event.metadata_id in types
            ]
