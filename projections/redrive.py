"""Brings the rows of a parked conversation up to where all others are, beside a live runner of any process."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from domain.errors import UnreadableEvent
from projections.compaction import RowChanges
from projections.pages import ProjectedEvent, compacted
from projections.ports import ProjectionSession, RowsRejected, Streams
from projections.quarantine import Poison, not_projectable, unreadable_reason
from projections.registry import PROJECTIONS, Projection

PAGE_EVENTS: Final = 1_000
"""How many events are read and projected at a time, so that a long history keeps nobody else waiting."""


async def redrive(
    session: ProjectionSession, streams: Streams, parked: Poison, projections: Sequence[Projection] = PROJECTIONS
) -> Poison | None:
    """Project the whole conversation anew and put the result in the place of its rows.

    Gives what it stops at now, or nothing: it is healed.

    Raises:
        StoreUnavailable, TablesRefused: nothing was changed.
    """
    try:
        await _replace_rows(session, _History(streams, parked, projections))
    except _Stopped as stopped:
        poison = stopped.poison
    except UnreadableEvent as error:
        poison = replace(
            parked,
            version=error.event_version or parked.version,
            position=error.event_position or parked.position,
            reason=unreadable_reason(error.code),
            error=error.topic,
        )
    except RowsRejected as error:
        poison = replace(parked, reason="rows_rejected", error=error.error)
    else:
        return None
    await session.keep_parked(poison)
    return poison


async def _replace_rows(session: ProjectionSession, history: "_History") -> None:
    # The history may be long. What comes meanwhile is little, so nobody is kept waiting for more than that.
    await history.read_on()
    async with session.standstill() as still:
        await history.read_on()
        await still.replace(history.parked.conversation_id, history.rows(still.position))


class _Stopped(Exception):
    """A projection fails on an event."""

    def __init__(self, poison: Poison) -> None:
        super().__init__(poison.error)
        self.poison = poison


class _History:
    """The events of the conversation so far, projected."""

    def __init__(self, streams: Streams, parked: Poison, projections: Sequence[Projection]) -> None:
        self.parked = parked
        self._streams = streams
        self._projections = projections
        self._projected: list[ProjectedEvent] = []

    async def read_on(self) -> None:
        """Up to the end of what is stored now."""
        while True:
            after = self._projected[-1][0].version if self._projected else 0
            page = await self._streams.read(
                self.parked.tenant_id, self.parked.conversation_id, after=after, until=after + PAGE_EVENTS
            )
            for recorded in page:
                try:
                    changes = [change for project in self._projections for change in project(recorded)]
                except Exception as error:
                    raise _Stopped(not_projectable(recorded, error)) from error
                self._projected.append((recorded, changes))
            if len(page) < PAGE_EVENTS:
                return

    def rows(self, position: int) -> RowChanges:
        """What the events up to the position make."""
        due = (made for recorded, made in self._projected if recorded.position <= position)
        return compacted(change for changes in due for change in changes)
