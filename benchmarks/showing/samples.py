"""What a load has seen, each with its moment on the clock that all processes of a machine share."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.closed_loop import NANOSECONDS_PER_SECOND
from benchmarks.measurement import Measurement


class Samples:
    """Of one load, in the order of its answers."""

    def __init__(self) -> None:
        self.answered_at_ns = array("Q")
        self.latencies_ns = array("Q")

    def add(self, answered_at_ns: int, latency_ns: int) -> None:
        self.answered_at_ns.append(answered_at_ns)
        self.latencies_ns.append(latency_ns)

    def between(self, since_ns: int, until_ns: int) -> Measurement:
        """Those that were answered in that time."""
        pairs = zip(self.answered_at_ns, self.latencies_ns, strict=True)
        latencies = array("Q", (latency for at_ns, latency in pairs if since_ns <= at_ns < until_ns))
        return Measurement(
            operations=len(latencies),
            seconds=(until_ns - since_ns) / NANOSECONDS_PER_SECOND,
            latencies_ns=latencies,
        )

    def as_json(self) -> dict[str, Any]:
        return {"answered_at_ns": self.answered_at_ns.tolist(), "latencies_ns": self.latencies_ns.tolist()}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Samples:
        samples = cls()
        samples.answered_at_ns = array("Q", told["answered_at_ns"])
        samples.latencies_ns = array("Q", told["latencies_ns"])
        return samples


@dataclass(frozen=True, slots=True)
class Moments:
    """When the load had begun, when the rebuild did and ended, and when the load was told to."""

    begun_ns: int
    rebuild_ns: int
    rebuilt_ns: int
    ended_ns: int

    def phases(self) -> Iterator[tuple[str, int, int]]:
        yield "before", self.begun_ns, self.rebuild_ns
        yield "during", self.rebuild_ns, self.rebuilt_ns
        yield "after", self.rebuilt_ns, self.ended_ns
