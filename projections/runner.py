"""One step of the projections: a page of events becomes rows. When to step is decided by whoever drives this."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from domain.ports import EventLog, RecordedEvent
from projections.changes import Change
from projections.compaction import RowChanges, compact
from projections.ports import ProjectedPage, ProjectionSession
from projections.registry import PROJECTIONS, Projection

MAX_PAGE_EVENTS: Final = 1_000


class Step(Struct, frozen=True, kw_only=True):
    """What a step did. `is_full` says that more events are probably waiting."""

    position: int
    projected_events: int
    unknown_events: int
    is_full: bool


class Runner:
    """Stateless: the position is the caller's, and the checkpoint in the store is the truth about it."""

    def __init__(
        self,
        log: EventLog,
        projections: Sequence[Projection] = PROJECTIONS,
        max_page_events: int = MAX_PAGE_EVENTS,
    ) -> None:
        self._log = log
        self._projections = tuple(projections)
        self._max_page_events = max_page_events

    async def step(self, session: ProjectionSession, position: int) -> Step:
        """Project the next page after `position`, which must be the checkpoint's.

        Raises:
            CheckpointMoved: another runner was here; this one must stop.
            StoreUnavailable: nothing was written, or it is unknown; the checkpoint tells which.
            RowsRejected, or anything else: an event cannot be projected, and would fail again.
        """
        page = await self._log.read_page(position, self._max_page_events)
        if page.last_position != position:
            await session.write(
                ProjectedPage(
                    from_position=position,
                    to_position=page.last_position,
                    unknown_events=page.unknown_events,
                    rows=self._rows_of(page.events),
                )
            )
        projected_events = len(page.events)
        return Step(
            position=page.last_position,
            projected_events=projected_events,
            unknown_events=page.unknown_events,
            is_full=projected_events + page.unknown_events >= self._max_page_events,
        )

    def _rows_of(self, events: Sequence[RecordedEvent]) -> RowChanges:
        # An event that cannot be projected fails the page, and with it the service: loud, and nothing is skipped.
        # To park only its conversation, catch here, by conversation, and let `ProjectedPage` carry what was parked.
        return compact(self._changes_of(events))

    def _changes_of(self, events: Sequence[RecordedEvent]) -> Iterator[Change]:
        for recorded in events:
            for project in self._projections:
                yield from project(recorded)
