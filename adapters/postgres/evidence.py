"""Events and rows of the same moment: each look is one transaction, so that a long verification holds nothing up."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, dict_row

from adapters.postgres.connection import connect
from adapters.postgres.failures import unavailable_when_lost
from adapters.postgres.rebuild.histories import read_histories
from adapters.postgres.statements import statement
from domain.ids import ConversationId
from projections.rebuilding import Histories
from projections.registry import CHECKPOINT_NAME
from projections.rows import MessageRow, SessionRow
from projections.verification import Evidence

PAGE_EVENTS: Final = 5_000
PAGE_EVENTS_OF_ONE: Final = 500

_POSITION = statement("rebuild_live_position")
_SESSIONS = statement("verify_sessions")
_MESSAGES = statement("verify_messages")
_SAMPLE = statement("verify_sample")
_PARKED = "SELECT conversation_id::text FROM projection_dead_letters WHERE checkpoint = %s"
_COUNT = "SELECT count(*) FROM conversation_sessions"
_BEFORE_ALL = "00000000-0000-0000-0000-000000000000"


@asynccontextmanager
async def postgres_evidence(dsn: str) -> AsyncIterator["PostgresEvidence"]:
    """A source with a connection of its own."""
    with unavailable_when_lost():
        connection = await connect(dsn)
    try:
        yield PostgresEvidence(connection)
    finally:
        await connection.close()


class PostgresEvidence:
    """Implements `EvidenceSource`. One task at a time uses it."""

    def __init__(self, connection: AsyncConnection[TupleRow]) -> None:
        self._connection = connection

    async def after(self, conversation_id: ConversationId | None) -> Evidence:
        """See `EvidenceSource.after`."""
        async with self._moment():
            return await self._evidence(conversation_id, None)

    async def of(self, conversation_id: ConversationId) -> Evidence:
        """See `EvidenceSource.of`."""
        before = ConversationId(_just_before(conversation_id))
        async with self._moment():
            return await self._evidence(before, conversation_id)

    async def sample(self, count: int) -> Sequence[ConversationId]:
        """See `EvidenceSource.sample`."""
        with unavailable_when_lost():
            rows = await (await self._connection.execute(_SAMPLE, [count])).fetchall()
        return [ConversationId(row[0]) for row in rows]

    async def count(self) -> int:
        """See `EvidenceSource.count`."""
        with unavailable_when_lost():
            row = await (await self._connection.execute(_COUNT)).fetchone()
        return int(row[0]) if row else 0

    async def _evidence(self, after: ConversationId | None, only: ConversationId | None) -> Evidence:
        position = await self._scalar(_POSITION, [CHECKPOINT_NAME])
        histories = await self._histories(after, position or 0, only)
        until = only or (histories.last_id if histories else None)
        bounds = {"after": after or _BEFORE_ALL, "until": until}
        parked = await self._rows(_PARKED, [CHECKPOINT_NAME])
        return Evidence(
            events=histories.events if histories else (),
            sessions=msgspec.convert(await self._rows(_SESSIONS, bounds), list[SessionRow]),
            messages=msgspec.convert(await self._rows(_MESSAGES, bounds), list[MessageRow]),
            parked=frozenset(ConversationId(row["conversation_id"]) for row in parked),
            last_id=None if only else until,
        )

    async def _histories(
        self, after: ConversationId | None, position: int, only: ConversationId | None
    ) -> Histories | None:
        """The next page of whole conversations, or the one history; None when there is none."""
        pages = read_histories(self._connection, after, position, PAGE_EVENTS_OF_ONE if only else PAGE_EVENTS)
        async with aclosing(pages):
            async for histories in pages:
                if only is None:
                    return histories
                events = [recorded for recorded in histories.events if recorded.conversation_id == only]
                return Histories(events, only) if events else None
        return None

    @asynccontextmanager
    async def _moment(self) -> AsyncIterator[None]:
        with unavailable_when_lost():
            async with self._connection.transaction():
                await self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                yield

    async def _rows(self, query: LiteralString, parameters: Any) -> list[dict[str, Any]]:
        cursor = self._connection.cursor(row_factory=dict_row, binary=True)
        return await (await cursor.execute(query, parameters)).fetchall()

    async def _scalar(self, query: LiteralString, parameters: Any) -> int | None:
        row = await (await self._connection.execute(query, parameters)).fetchone()
        return None if row is None else int(row[0])


def _just_before(conversation_id: ConversationId) -> str:
    """The greatest UUID below."""
    number = UUID(conversation_id).int
    return str(UUID(int=max(number - 1, 0)))
