"""What `turnlog bench growth` measures, and what it must reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.comparison import Comparison, Figure, Goal
from benchmarks.filled import Named
from benchmarks.growing import appends, live, loads, reading
from benchmarks.subject import Case

FILLED: Final = frozenset({"append_filled", "load_short", "load_long", "load_long_replayed", "list", "search"})
"""What is measured on the large store."""
NAMES: Final = (
    "append_empty",
    "append_filled",
    "load_short",
    "load_long",
    "load_long_replayed",
    "live",
    "list",
    "search",
)

WITHIN_APPEND: Final = Goal(1.5, at_least=False)
WITHIN_LOAD: Final = Goal(3, at_least=False)
CALLERS: Final = (1, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    events: int
    long_events: int
    """Of each long conversation, half way between two snapshots."""
    live: int
    few_live: int


FULL: Final = Scale(events=10_000_000, long_events=10_050, live=10_000, few_live=100)
QUICK: Final = Scale(events=20_000, long_events=500, live=200, few_live=64)


def growth_cases(scale: Scale, short: Sequence[Named], long: Sequence[Named], only: tuple[str, ...]) -> list[Case]:
    """Of those that are named, or all. In the order of a round: what is compared stands side by side."""
    cases = [
        *(Case(subject(), callers) for callers in CALLERS for subject in (appends.on_empty, appends.on_filled)),
        Case(loads.subject("load_short", short, with_snapshots=True), 1),
        Case(loads.subject("load_long", long, with_snapshots=True), 1),
        Case(loads.subject("load_long_replayed", long, with_snapshots=False), 1),
        Case(live.subject(), scale.few_live),
        Case(live.subject(), scale.live),
        Case(reading.lists(), 1),
        Case(reading.searches(), 1),
    ]
    return [case for case in cases if not only or case.subject.name in only]


def growth_comparisons(scale: Scale) -> list[Comparison]:
    pairs = [
        *((f"append_filled.{callers}", f"append_empty.{callers}", WITHIN_APPEND) for callers in CALLERS),
        ("load_long.1", "load_short.1", WITHIN_LOAD),
        ("load_long_replayed.1", "load_short.1", None),
        (f"live.{scale.live}", f"live.{scale.few_live}", WITHIN_APPEND),
    ]
    return [
        Comparison(name=name, against=against, figure=Figure.MEDIAN_LATENCY, goal=goal) for name, against, goal in pairs
    ]
