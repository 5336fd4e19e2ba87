"""One step of the projections: a page of events becomes rows. When to step is decided by whoever drives this."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from domain.ports import EventLog, EventPage
from projections.pages import PageChanges
from projections.ports import Checkpoint, ProjectedPage, ProjectionSession, RowsRejected
from projections.quarantine import Poison
from projections.refusals import stop_refused
from projections.registry import PROJECTIONS, Projection

MAX_PAGE_EVENTS: Final = 1_000


class Step(Struct, frozen=True, kw_only=True):
    """What a step did. `is_full` says that more events are probably waiting; `parked` are the conversations that stop
    here."""

    checkpoint: Checkpoint
    projected_events: int
    unknown_events: int
    is_full: bool
    parked: Sequence[Poison] = ()

    @property
    def position(self) -> int:
        return self.checkpoint.position


class Runner:
    """Stateless: the checkpoint is the caller's, and the one in the store is the truth about it.

    An event that cannot become rows parks its conversation, whose rows stay as they were before it; all others go on.
    """

    def __init__(
        self,
        log: EventLog,
        projections: Sequence[Projection] = PROJECTIONS,
        max_page_events: int = MAX_PAGE_EVENTS,
    ) -> None:
        self._log = log
        self._projections = tuple(projections)
        self._max_page_events = max_page_events

    async def step(self, session: ProjectionSession, checkpoint: Checkpoint) -> Step:
        """Project the next page after the checkpoint, which must be that of the store.

        Raises:
            CheckpointMoved: another runner was here; this one must stop. Or a conversation was re-driven.
            StoreUnavailable: nothing was written, or it is unknown; the checkpoint tells which.
            TablesRefused: nothing can be written.
            RowsRejected: the page is refused, though each of its conversations would be accepted.
        """
        page = await self._log.read_page(checkpoint.position, self._max_page_events)
        if page.last_position == checkpoint.position:
            return Step(checkpoint=checkpoint, projected_events=0, unknown_events=0, is_full=False)
        changes = PageChanges(page, checkpoint.parked, self._projections)
        await _write(session, checkpoint, page, changes)
        return Step(
            checkpoint=replace(
                checkpoint,
                position=page.last_position,
                unknown_events=checkpoint.unknown_events + page.unknown_events,
                revision=checkpoint.revision + bool(changes.poison),
                parked=checkpoint.parked | {poison.conversation_id for poison in changes.poison},
            ),
            projected_events=len(page.events),
            unknown_events=page.unknown_events,
            is_full=len(page.events) + len(page.unreadable) >= self._max_page_events,
            parked=changes.poison,
        )


async def _write(session: ProjectionSession, checkpoint: Checkpoint, page: EventPage, changes: PageChanges) -> None:
    """What the database refuses is left out of the page, a little more each time, until it accepts the rest."""
    while True:
        try:
            await session.write(_projected(checkpoint, page, changes))
        except RowsRejected:
            if not await stop_refused(session, changes):
                raise
        else:
            return


def _projected(checkpoint: Checkpoint, page: EventPage, changes: PageChanges) -> ProjectedPage:
    return ProjectedPage(
        from_position=checkpoint.position,
        to_position=page.last_position,
        unknown_events=page.unknown_events,
        rows=changes.rows(),
        revision=checkpoint.revision,
        parked=changes.poison,
    )
