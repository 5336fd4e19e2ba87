"""Ratios between subjects: the median of the ratios of single rounds, so that a slow minute hits both sides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from benchmarks.measurement import Measurement


class Figure(StrEnum):
    RATE = "rate"
    MEDIAN_LATENCY = "p50"
    SLOW_LATENCY = "p99"
    SOCKET_MEMORY = "memory"

    def of(self, measurement: Measurement) -> float | None:
        match self:
            case Figure.RATE:
                return measurement.rate_per_second
            case Figure.MEDIAN_LATENCY:
                return measurement.percentile_ms(0.50)
            case Figure.SLOW_LATENCY:
                return measurement.percentile_ms(0.99)
            case Figure.SOCKET_MEMORY:
                return measurement.socket_bytes

    @property
    def is_latency(self) -> bool:
        return self in {Figure.MEDIAN_LATENCY, Figure.SLOW_LATENCY}

    def name_in(self, case: str) -> str:
        """What the report calls it: the figure that a case is about goes by the name of the case."""
        return f"{case}.{self}" if self.is_latency else case


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a ratio: a rate is to be at least, a latency at most, `bound` times the other's."""

    bound: float
    at_least: bool

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g} x"

    def met_by(self, ratio: float) -> bool:
        return ratio >= self.bound if self.at_least else ratio <= self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`name` and `against` are names of cases."""

    name: str
    against: str
    figure: Figure
    goal: Goal | None = None

    @property
    def subject_figure(self) -> str:
        """The name of the compared figure in the report."""
        return self.figure.name_in(self.name)

    @property
    def against_figure(self) -> str:
        return self.figure.name_in(self.against)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A goal without a peer: a figure of one case, over all its rounds, is to stay below."""

    name: str
    figure: Figure
    below: float

    def __str__(self) -> str:
        return f"< {self.below:g}"


@dataclass(frozen=True, slots=True)
class Ratio:
    median: float
    lowest: float
    highest: float


Rounds = Mapping[str, Sequence[Measurement]]


def ratio_of(comparison: Comparison, rounds: Rounds) -> Ratio | None:
    """None when one of the two was not measured in this run."""
    pairs = zip(rounds.get(comparison.name, ()), rounds.get(comparison.against, ()), strict=False)
    ratios = [
        own / other
        for own, other in ((comparison.figure.of(left), comparison.figure.of(right)) for left, right in pairs)
        if own is not None and other
    ]
    return Ratio(median(ratios), min(ratios), max(ratios)) if ratios else None
