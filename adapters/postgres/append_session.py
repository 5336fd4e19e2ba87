"""The one connection that appends, and the statements it runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from msgspec import Struct
from psycopg.rows import TupleRow

from adapters.postgres.append_failures import AlreadyThere, LinkLost, failure_of
from adapters.postgres.append_rows import EncodedAppend, numbers_of, row_of, rows_of
from adapters.postgres.connection import connect
from adapters.postgres.recorded import recorded_events
from adapters.postgres.statements import statement
from adapters.postgres.watchdog import cut_after
from domain.ports import RecordedEvent

CUT_GRACE_S = 0.25
"""The server's own timeout comes first: its answer says that nothing was stored, a link that is cut says nothing."""

_APPEND_ONE = statement("append_one")
_APPEND_BATCH = statement("append_batch")
_APPEND_EACH = statement("append_each")
_READ_STREAM = statement("read_stream")


class BatchAppended(Struct, frozen=True):
    """The positions of the batch's events are contiguous and end at `last_position`."""

    last_position: int
    recorded_at: datetime


class CommandOutcome(Struct, frozen=True):
    """`head` is the conversation's version now; `last_position` is that of the command's last event, if appended."""

    outcome: str
    head: int
    last_position: int | None
    recorded_at: datetime


class AppendSession:
    """A dedicated autocommit connection: each statement is a transaction, flushed when it returns.

    Every method that talks to the database raises an `AppendFailure` when it cannot.
    """

    def __init__(self, dsn: str, statement_timeout_s: float) -> None:
        self._dsn = dsn
        self._statement_timeout_s = statement_timeout_s
        self._connection: psycopg.AsyncConnection[TupleRow] | None = None

    @property
    def is_open(self) -> bool:
        return self._connection is not None and not self._connection.broken and not self._connection.closed

    @property
    def process_id(self) -> int | None:
        """Of the server process at the other end, which its notifications name."""
        return self._connection.info.backend_pid if self._connection is not None and self.is_open else None

    async def open(self) -> None:
        """Connect unless connected."""
        if not self.is_open:
            await self.close()
            try:
                self._connection = await connect(self._dsn)
            except psycopg.Error as error:
                raise LinkLost(error) from error

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def append_batch(self, batch: Sequence[EncodedAppend]) -> BatchAppended | None:
        """The fast form: all of the batch or, as `None`, nothing of it."""
        if len(batch) == 1 and len(batch[0].states) == 1:
            return await self._append_one(batch[0])
        rows = await self._execute(_APPEND_BATCH, rows_of(batch))
        return _appended(*rows[0])

    async def _append_one(self, encoded: EncodedAppend) -> BatchAppended | None:
        try:
            rows = await self._execute(_APPEND_ONE, row_of(encoded))
        except AlreadyThere:
            return None
        return _appended(*rows[0])

    async def append_each(self, batch: Sequence[EncodedAppend]) -> list[CommandOutcome]:
        """The exact form: an outcome for each command of the batch, in its order."""
        rows = await self._execute(_APPEND_EACH, (numbers_of(batch), *rows_of(batch)))
        return [CommandOutcome(*row[1:]) for row in rows]

    async def find_stored(self, encoded: EncodedAppend) -> tuple[RecordedEvent, ...]:
        """The events of this very attempt, if an answer that was lost had stored them; else nothing.

        An event id is made for one attempt and stands in the stored bytes, so equal bytes are ours.
        """
        append = encoded.append
        last_version = append.expected_version + len(append.events)
        parameters = (append.tenant_id, append.conversation_id, append.expected_version, last_version)
        rows = await self._execute(_READ_STREAM, parameters)
        if tuple([state for _, _, _, state, *_ in rows]) != encoded.states:
            return ()
        first_position, recorded_at = rows[0][4], rows[0][6]
        return recorded_events(append, first_position, recorded_at)

    async def _execute(self, query: LiteralString, parameters: Sequence[object]) -> list[Any]:
        if self._connection is None:
            raise LinkLost(None)
        try:
            with cut_after(self._connection, self._statement_timeout_s + CUT_GRACE_S):
                cursor = self._connection.cursor(binary=True)
                await cursor.execute(query, parameters)
                return await cursor.fetchall()
        except psycopg.Error as error:
            raise failure_of(error) from error


def _appended(last_position: int | None, recorded_at: datetime) -> BatchAppended | None:
    return None if last_position is None else BatchAppended(last_position, recorded_at)
