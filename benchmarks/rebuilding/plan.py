"""What `turnlog bench rebuild` measures, and what it must reach."""

from dataclasses import dataclass
from typing import Final

from benchmarks.comparison import Comparison, Figure, Goal
from benchmarks.history import CONVERSATION_EVENTS, CONVERSATIONS_AT_ONCE
from benchmarks.rebuilding import catch_up, library, plain_sql, turnlog
from benchmarks.subject import Case

NAMES: Final = ("turnlog", "plain_sql", "catch_up", "library")
BLOCK_EVENTS: Final = CONVERSATION_EVENTS * CONVERSATIONS_AT_ONCE
"""So many events are whole conversations."""

SHARE_OF_PLAIN_SQL: Final = Goal(0.8, at_least=True)
TIMES_THE_LIBRARY: Final = Goal(10, at_least=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How many events are stored, and how many of them go through what takes an event or a page at a time."""

    events: int
    catch_up_events: int
    library_events: int


def scale_of(events: int, *, quick: bool) -> Scale:
    """Rounded up to whole conversations."""
    whole = _whole(events)
    return Scale(
        events=whole,
        catch_up_events=min(whole, BLOCK_EVENTS if quick else 100 * BLOCK_EVENTS),
        library_events=min(whole, BLOCK_EVENTS if quick else 10 * BLOCK_EVENTS),
    )


def rebuild_cases(scale: Scale, only: tuple[str, ...]) -> list[Case]:
    """Of those that are named, or all, in the order of a round."""
    cases = [
        Case(turnlog.subject(), scale.events),
        Case(plain_sql.subject(), scale.events),
        Case(catch_up.subject(scale.catch_up_events // CONVERSATION_EVENTS), scale.catch_up_events),
        Case(library.subject(scale.library_events // CONVERSATION_EVENTS), scale.library_events),
    ]
    return [case for case in cases if not only or case.subject.name in only]


def rebuild_comparisons(scale: Scale) -> list[Comparison]:
    ours = f"turnlog.{scale.events}"
    against = {
        f"plain_sql.{scale.events}": SHARE_OF_PLAIN_SQL,
        f"library.{scale.library_events}": TIMES_THE_LIBRARY,
        f"catch_up.{scale.catch_up_events}": None,
    }
    return [Comparison(name=ours, against=peer, figure=Figure.RATE, goal=goal) for peer, goal in against.items()]


def _whole(events: int) -> int:
    return -(-events // BLOCK_EVENTS) * BLOCK_EVENTS
