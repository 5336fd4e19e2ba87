"""What a showing has found: rows for the report, and what of them may not be."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.measurement import Measurement
from benchmarks.rows import Row
from benchmarks.showing.samples import Moments, Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """`rebuild` and `verification` are what the commands print."""

    events: int
    moments: Moments
    appends: Samples
    reads: Samples
    failed_reads: int
    failures: list[str]
    rebuild: dict[str, Any]
    verification: dict[str, Any]

    def rows(self) -> Iterator[Row]:
        """In the order of what happened."""
        seconds = self.rebuild["seconds"]
        yield Row(name="rebuild.seconds", value=round(seconds, 2), unit="s")
        yield Row(name="rebuild.rate", value=round(self.events / seconds), unit="events/s")
        for load, samples in (("appends", self.appends), ("reads", self.reads)):
            for phase, since_ns, until_ns in self.moments.phases():
                yield from _rows_of(f"{load}.{phase}", samples.between(since_ns, until_ns), load)
        yield Row(name="appends.acknowledged", value=len(self.appends.latencies_ns), unit="appends")
        yield Row(name="reads.done", value=len(self.reads.latencies_ns) + self.failed_reads, unit="reads")
        yield from self.judged()

    def judged(self) -> Iterator[Row]:
        """Each with `met`."""
        yield _none("reads.failed", self.failed_reads, "reads")
        for comparison in self.rebuild["comparisons"]:
            table = f"rebuilt.{comparison['projection']}"
            live, new = comparison["live_hash"], comparison["new_hash"]
            yield Row(name=f"{table}.rows", value=comparison["new_rows"], unit="rows")
            yield Row(name=f"{table}.hash", value=new, goal=f"= {live}, live", met=new == live)
            yield _none(f"{table}.different", comparison["different_rows"], "rows")
        yield Row(name="verified.conversations", value=self.verification["conversations"], unit="conversations")
        yield Row(name="verified.events", value=self.verification["events"], unit="events")
        yield _none("verified.different", self.verification["different"], "conversations")

    def what_failed(self) -> str | None:
        """As a sentence."""
        missed = [f"{row.name} is {row.value}, not {row.goal}" for row in self.judged() if row.met is False]
        return "; ".join([*missed, *self.failures]) or None


def _rows_of(name: str, measured: Measurement, unit: str) -> Iterator[Row]:
    yield Row(name=f"{name}.rate", value=round(measured.rate_per_second, 1), unit=f"{unit}/s")
    for label, share in (("p50", 0.50), ("p99", 0.99)):
        latency_ms = measured.percentile_ms(share)
        yield Row(name=f"{name}.{label}", value=None if latency_ms is None else round(latency_ms, 2), unit="ms")


def _none(name: str, number: int, unit: str) -> Row:
    return Row(name=name, value=number, unit=unit, goal="0", met=number == 0)
