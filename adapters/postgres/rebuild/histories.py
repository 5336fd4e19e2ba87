"""The events of whole conversations, in the order of their ids."""

from collections.abc import AsyncGenerator, Sequence
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from adapters.postgres.failures import unavailable_when_lost
from adapters.postgres.recorded import StoredRow, from_row
from adapters.postgres.statements import statement
from domain.errors import UnknownEvent
from domain.ids import ConversationId
from domain.ports import RecordedEvent
from projections.rebuilding import Histories, RebuildRefused

_READ_HISTORIES = statement("rebuild_read_histories")
_READ_LOG = statement("rebuild_read_log")
_LAST_VERSION = 2**63 - 1
_BEFORE_ALL = "00000000-0000-0000-0000-000000000000"
LAST_ID: Final = ConversationId("ffffffff-ffff-ffff-ffff-ffffffffffff")


async def read_histories(
    connection: AsyncConnection[TupleRow],
    after: ConversationId | None,
    until_position: int,
    page_events: int,
    *,
    until_id: ConversationId = LAST_ID,
) -> AsyncGenerator[Histories, None]:
    """Conversations after the id up to `until_id`, with their events up to the position; about `page_events` at a time.

    Raises:
        RebuildRefused: an event cannot be read.
        StoreUnavailable: the database is away.
    """
    place: tuple[str, int] = (after, _LAST_VERSION) if after else (_BEFORE_ALL, 0)
    unfinished: list[RecordedEvent] = []
    while True:
        with unavailable_when_lost():
            cursor = connection.cursor(binary=True)
            await cursor.execute(_READ_HISTORIES, (*place, until_id, until_position, page_events), prepare=True)
            rows = await cursor.fetchall()
        events = unfinished + [_event(row) for row in rows]
        is_last = len(rows) < page_events
        end = len(events) if is_last else _start_of_last(events)
        if end:
            yield Histories(events[:end], events[end - 1].conversation_id)
        if is_last:
            return
        unfinished = events[end:]
        place = (rows[-1][0], rows[-1][1])


async def read_log(
    connection: AsyncConnection[TupleRow], after_position: int, until_position: int, limit: int
) -> Sequence[RecordedEvent]:
    """The next events of all conversations. Raises as `read_histories` does."""
    with unavailable_when_lost():
        cursor = connection.cursor(binary=True)
        await cursor.execute(_READ_LOG, (after_position, until_position, limit), prepare=True)
        rows = await cursor.fetchall()
    return [_event(row) for row in rows]


def _start_of_last(events: list[RecordedEvent]) -> int:
    """Where the last conversation begins, of which more may follow."""
    start = len(events) - 1
    while start and events[start - 1].conversation_id == events[start].conversation_id:
        start -= 1
    return start


def _event(row: StoredRow) -> RecordedEvent:
    try:
        return from_row(row)
    except UnknownEvent as error:
        raise RebuildRefused(
            f"Event {row[1]} of conversation {row[0]} has the topic {row[2]!r}, which this release does not know: rows "
            "made without it would be wrong. Upgrade Turnlog, then run the same command to go on."
        ) from error
    except Exception as error:
        raise RebuildRefused(
            f"Event {row[1]} of conversation {row[0]} ({row[2]}) cannot be read: {type(error).__name__}. Its rows "
            "would be wrong, so nothing is swapped. Repair it, then run the same command to go on."
        ) from error
