"""The raw rows of the event store, read out and taken in by operators' commands."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Final

import psycopg
from psycopg.rows import TupleRow

from adapters.postgres.arrays import plain_array, text_array, time_array
from adapters.postgres.connection import connect, service_conninfo
from adapters.postgres.failures import unavailable_when_lost
from adapters.postgres.snapshot import snapshot
from adapters.postgres.statements import statement
from app.ports import EventSelection, RawEvent, TakenOver
from domain.errors import TurnlogError
from domain.ids import CommandId, ConversationId, TenantId

PAGE_EVENTS: Final = 2_000
STATEMENT_TIMEOUT_S: Final = 300.0

_EPOCH = statement("epoch")
_HEAD_POSITION = statement("head_position_of_all")
_EXPORT_EVENTS = statement("export_events")
_EXPORT_EVENTS_OF_CONVERSATIONS = statement("export_events_of_conversations")
_IMPORT_EVENTS = statement("import_events")


class NotTheOwner(TurnlogError):
    """Only who owns the tables may take over events that were decided elsewhere."""

    code: ClassVar[str] = "not_the_owner"

    def __init__(self, login: str) -> None:
        super().__init__(
            f"The login {login!r} may not import events. Give DATABASE_URL the login that owns the tables, which "
            "migrates them."
        )


class StoredHistory:
    """All that was stored at one moment, however long it takes to read."""

    def __init__(self, connection: psycopg.AsyncConnection[TupleRow]) -> None:
        self._connection = connection

    async def epoch(self) -> str:
        """The incarnation of the store."""
        return str(await self._value(_EPOCH))

    async def head_position(self) -> int:
        """The position of the last event, 0 when there is none."""
        return int(await self._value(_HEAD_POSITION))

    async def pages(self, selection: EventSelection, until_position: int) -> AsyncIterator[list[RawEvent]]:
        """The chosen events in the order of positions."""
        query = _EXPORT_EVENTS_OF_CONVERSATIONS if selection.conversation_ids else _EXPORT_EVENTS
        parameters: dict[str, Any] = {
            "conversations": plain_array(selection.conversation_ids),
            "tenant": selection.tenant_id,
            "ended_before": selection.ended_before,
            "after": selection.since_position,
            "until": until_position,
            "limit": PAGE_EVENTS,
        }
        while True:
            cursor = self._connection.cursor(binary=True)
            await cursor.execute(query, parameters)
            events = [_raw_event(row) for row in await cursor.fetchall()]
            if not events:
                return
            yield events
            parameters["after"] = events[-1].position

    async def _value(self, query: Any) -> Any:
        row = await (await self._connection.execute(query)).fetchone()
        return row[0] if row else None


@asynccontextmanager
async def stored_history(dsn: str) -> AsyncIterator[StoredHistory]:
    """The event store as it is now, for as long as the block runs."""
    async with snapshot(dsn) as connection:
        yield StoredHistory(connection)


class EventIntake:
    """Takes events over as they are. Its connection acts as the owner: the application's role may not do this."""

    def __init__(self, connection: psycopg.AsyncConnection[TupleRow]) -> None:
        self._connection = connection

    async def take(self, events: Sequence[RawEvent]) -> list[TakenOver]:
        """Store those that are not there, in this order; when this returns they are flushed.

        One outcome for each conversation. One with a fault gets nothing, the others go on.

        Raises:
            NotTheOwner: the login may not.
        """
        cursor = self._connection.cursor(binary=True)
        try:
            await cursor.execute(_IMPORT_EVENTS, _columns(events))
        except psycopg.errors.InsufficientPrivilege as error:
            raise NotTheOwner(self._connection.info.user) from error
        return [
            TakenOver(conversation_id=ConversationId(id_), fault=fault, version=version, added=added, present=present)
            for id_, fault, version, added, present in await cursor.fetchall()
        ]


@asynccontextmanager
async def event_intake(dsn: str) -> AsyncIterator[EventIntake]:
    """An intake with a connection of its own."""
    conninfo = service_conninfo(dsn, statement_timeout_s=STATEMENT_TIMEOUT_S, role=None)
    with unavailable_when_lost():
        async with await connect(conninfo) as connection:
            yield EventIntake(connection)


def _raw_event(row: TupleRow) -> RawEvent:
    conversation_id, version, topic, state, tenant_id, command_id, recorded_at, position = row
    return RawEvent(
        conversation_id=ConversationId(conversation_id),
        version=version,
        topic=topic,
        state=state,
        tenant_id=TenantId(tenant_id),
        command_id=None if command_id is None else CommandId(command_id),
        recorded_at=recorded_at,
        position=position,
    )


def _columns(events: Sequence[RawEvent]) -> tuple[str, str, str, list[bytes], str, str, str]:
    return (
        plain_array(event.conversation_id for event in events),
        plain_array(event.version for event in events),
        text_array(event.topic for event in events),
        [event.state for event in events],
        plain_array(event.command_id for event in events),
        plain_array(event.tenant_id for event in events),
        time_array(event.recorded_at for event in events),
    )
