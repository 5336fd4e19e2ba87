"""Brings the rows of a parked conversation up to where all others are, beside a live runner of any process."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from domain.errors import UnreadableEvent
from domain.ports import RecordedEvent
from projections.changes import Change
from projections.compaction import RowChanges
from projections.pages import compacted
from projections.ports import ProjectionSession, RowsRejected, Streams
from projections.quarantine import Poison, not_projectable, unreadable_reason
from projections.registry import PROJECTIONS, Projection


async def redrive(
    session: ProjectionSession, streams: Streams, parked: Poison, projections: Sequence[Projection] = PROJECTIONS
) -> Poison | None:
    """Project the whole conversation anew and put the result in the place of its rows.

    Gives what it stops at now, or nothing: it is healed.

    Raises:
        StoreUnavailable, TablesRefused: nothing was changed.
    """
    try:
        poison = await _replace_rows(session, streams, parked, projections)
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
    if poison is not None:
        await session.keep_parked(poison)
    return poison


async def _replace_rows(
    session: ProjectionSession, streams: Streams, parked: Poison, projections: Sequence[Projection]
) -> Poison | None:
    # The history may be long. What came meanwhile is little, so nobody is kept waiting for more than that.
    history = list(await streams.read(parked.tenant_id, parked.conversation_id))
    async with session.standstill() as still:
        known = history[-1].version if history else 0
        history += await streams.read(parked.tenant_id, parked.conversation_id, after=known)
        due = [recorded for recorded in history if recorded.position <= still.position]
        rows = _projected(due, projections)
        if isinstance(rows, Poison):
            return rows
        await still.replace(parked.conversation_id, rows)
    return None


def _projected(events: Iterable[RecordedEvent], projections: Sequence[Projection]) -> RowChanges | Poison:
    changes: list[Change] = []
    for recorded in events:
        try:
            changes += [change for project in projections for change in project(recorded)]
        except Exception as error:  # noqa: BLE001 - whatever a projection fails on, it would fail on again
            return not_projectable(recorded, error)
    return compacted(changes)
