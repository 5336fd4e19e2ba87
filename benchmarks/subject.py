"""The seam between the plan of a benchmark and the things it measures."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from benchmarks.comparison import Figure
from benchmarks.measurement import Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One way of doing the work. `prepare` and `measure` get the DSN of a database made for this run only."""

    name: str
    callers_are: str
    """What N counts: "connections", "threads", "callers", "conversations"."""
    prepare: Callable[[str], Awaitable[None]]
    measure: Callable[[str, int, float], Awaitable[Measurement]]
    """(dsn, callers, seconds): each caller waits for its acknowledgement before it sends the next event."""
    missing: str | None = None
    """Why it cannot run here; such a subject is reported, never measured."""
    headline: Figure = Figure.RATE
    """What a case of it is about."""
    unit: str = "appends/s"
    """Of the headline."""

    def unit_of(self, figure: Figure) -> str:
        return "ms" if figure.is_latency else self.unit


@dataclass(frozen=True, slots=True)
class Case:
    """A subject with a number of callers: one row of the report."""

    subject: Subject
    callers: int

    @property
    def name(self) -> str:
        return f"{self.subject.name}.{self.callers}"

    @property
    def title(self) -> str:
        noun = self.subject.callers_are
        return f"{self.subject.name}, {self.callers:,} {noun.removesuffix('s') if self.callers == 1 else noun}"


class BenchmarkError(Exception):
    """A subject could not be measured; the text says why."""
