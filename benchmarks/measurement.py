"""What one run of one subject gives, and the arithmetic on it."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

NANOSECONDS_PER_MILLISECOND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """`latencies_ns` may be a sample of the operations; `operations` and `seconds` never are."""

    operations: int
    seconds: float
    latencies_ns: array[int]
    refused: int = 0
    """Turned away or dropped by the subject; not part of `operations`."""
    not_yet_durable: int = 0
    """Accepted, but still in memory at the end: what a crash at that moment loses."""
    batch_size: float | None = None
    """Mean events in one transaction."""
    event_bytes: float | None = None
    """Mean size of the stored state."""
    socket_bytes: float | None = None
    """Resident memory of the server for each socket."""
    server_busy: float | None = None
    """Cores that the server's process used; near 1 it is what limits the figure."""
    generator_busy: float | None = None
    """Cores that the load generator used."""
    process_bytes: float | None = None
    """Resident memory of the whole process that did the work."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each part of the work, in its order."""

    @property
    def rate_per_second(self) -> float:
        return self.operations / self.seconds

    def percentile_ms(self, share: float) -> float | None:
        """None when no latency was recorded."""
        if not self.latencies_ns:
            return None
        return percentile(sorted(self.latencies_ns), share) / NANOSECONDS_PER_MILLISECOND


def percentile(ascending: Sequence[int], share: float) -> int:
    """Nearest rank: the smallest value that at least `share` (0..1] of all values do not exceed."""
    rank = math.ceil(round(share * len(ascending), 9))
    return ascending[max(rank, 1) - 1]


def pooled(rounds: Sequence[Measurement]) -> Measurement:
    """All rounds of one subject as if they had been one long run."""
    latencies = array("Q")
    for measurement in rounds:
        latencies.extend(measurement.latencies_ns)
    return Measurement(
        operations=sum(each.operations for each in rounds),
        seconds=sum(each.seconds for each in rounds),
        latencies_ns=latencies,
        refused=sum(each.refused for each in rounds),
        not_yet_durable=max(each.not_yet_durable for each in rounds),
        batch_size=_mean([each.batch_size for each in rounds]),
        event_bytes=_mean([each.event_bytes for each in rounds]),
        socket_bytes=_mean([each.socket_bytes for each in rounds]),
        server_busy=_mean([each.server_busy for each in rounds]),
        generator_busy=_mean([each.generator_busy for each in rounds]),
        process_bytes=_mean([each.process_bytes for each in rounds]),
        parts={part: fmean(each.parts.get(part, 0.0) for each in rounds) for part in rounds[0].parts},
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
