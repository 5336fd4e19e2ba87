"""The archive: what an operator, who owns the tables, may move there and back."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, LiteralString, Self

import psycopg
from msgspec import Struct
from psycopg.rows import TupleRow

from adapters.postgres.connection import connect
from adapters.postgres.failures import unavailable_when_lost
from adapters.postgres.statements import statement
from domain.ids import ConversationId, TenantId

_CANDIDATES: Final = statement("archive_candidates")
_COUNT: Final = statement("archive_count")
_ARCHIVE: Final = statement("archive_conversations")
_RESTORE: Final = statement("restore_conversation")
_FIRST_TIME: Final = datetime(1, 1, 1, tzinfo=UTC)
_FIRST_ID: Final = "00000000-0000-0000-0000-000000000000"


class MayNotArchive(Exception):
    """The login may not move events; the sentence names the one that may."""

    def __init__(self, login: str) -> None:
        super().__init__(
            f"The login {login!r} may not archive. Give DATABASE_URL the login that owns the tables, which is the one "
            "that migrates them."
        )


class Chosen(Struct, frozen=True, kw_only=True):
    """The conversations that ended before a time and were left alone since, of one tenant or of all."""

    ended_before: datetime
    tenant_id: TenantId | None = None


class Batch(Struct, frozen=True):
    """Some of them, in the order of their ends. `place` is where the next batch begins."""

    conversations: Sequence[ConversationId]
    place: tuple[datetime, str]


BEGINNING: Final = (_FIRST_TIME, _FIRST_ID)


class PostgresArchive:
    """On one connection. Every method raises `StoreUnavailable` when the database is away."""

    def __init__(self, connection: psycopg.AsyncConnection[TupleRow]) -> None:
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def connected(cls, dsn: str) -> AsyncIterator[Self]:
        """Raises `StoreUnavailable` as well."""
        with unavailable_when_lost():
            connection = await connect(dsn)
        async with connection:
            yield cls(connection)

    async def count(self, chosen: Chosen) -> tuple[int, int]:
        """How many conversations have events that can move, and how many events these are."""
        ((conversations, events),) = await self._rows(_COUNT, _binds(chosen))
        return conversations, events

    async def next_batch(self, chosen: Chosen, place: tuple[datetime, str], limit: int) -> Batch:
        """The next conversations with events that can move."""
        ended_at, conversation_id = place
        binds = {**_binds(chosen), "after_ended_at": ended_at, "after_id": conversation_id, "limit": limit}
        rows = await self._rows(_CANDIDATES, binds)
        return Batch([ConversationId(row[1]) for row in rows], rows[-1] if rows else place)

    async def archive(self, conversations: Sequence[ConversationId]) -> int:
        """Move the events of these, in one transaction. How many were moved.

        Raises:
            MayNotArchive: only the owner of the tables may.
        """
        return await self._move(_ARCHIVE, list(conversations))

    async def restore(self, conversation_id: ConversationId) -> int:
        """Move the events of one back, in one transaction. How many were moved. Raises MayNotArchive."""
        return await self._move(_RESTORE, conversation_id)

    async def _move(self, query: LiteralString, what: object) -> int:
        try:
            rows = await self._rows(query, [what])
        except psycopg.errors.InsufficientPrivilege as error:
            raise MayNotArchive(self._connection.info.user) from error
        return int(rows[0][0])

    async def _rows(self, query: LiteralString, parameters: Mapping[str, object] | Sequence[object]) -> list[Any]:
        with unavailable_when_lost():
            return await (await self._connection.execute(query, parameters)).fetchall()


def _binds(chosen: Chosen) -> dict[str, object]:
    return {"ended_before": chosen.ended_before, "tenant": chosen.tenant_id}
