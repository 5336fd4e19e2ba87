"""The copy in parts, by as many processes as are wanted: read, project and write, each while the others are under way.

Whoever writes a page also moves the mark of its part, by compare and swap. So a process that lives on after its parent
was killed, and the one that goes on in its place, can never write the same conversations twice.
"""

from collections.abc import Callable
from contextlib import aclosing
from typing import Final

import anyio
import psycopg
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from msgspec import Struct
from psycopg.rows import TupleRow

from adapters.postgres.connection import connect
from adapters.postgres.failures import unavailable_when_lost
from adapters.postgres.rebuild.copying import MESSAGE_COLUMNS, SESSION_COLUMNS, copy_rows
from adapters.postgres.rebuild.histories import read_histories
from adapters.postgres.row_writer import LIVE_TABLES, Tables, refusing
from adapters.postgres.statements import statement
from domain.ids import ConversationId
from projections.rebuilding import Histories, Pace, RebuildRefused
from projections.whole import WholeRows, whole_rows

MAX_WAITING_PAGES: Final = 2
"""Pages that were read and wait to be projected, and pages that wait to be written; who reads faster waits."""

_COPIED = statement("rebuild_copied")

Projected = tuple[WholeRows, ConversationId, int]


class Part(Struct, frozen=True):
    """Conversations with ids above `copied_id`, up to `until_id`."""

    number: int
    until_id: ConversationId
    copied_id: ConversationId


class CopyTask(Struct, frozen=True, kw_only=True):
    """A part of a rebuild, with all that another process needs to copy it. `pace` is that of this process alone."""

    dsn: str
    rebuild_id: str
    tables: Tables
    until_position: int
    part: Part
    pace: Pace


async def copy_part(task: CopyTask, on_page: Callable[[int], None]) -> None:
    """Copy what is left of the part; `on_page` is told how many events each page had.

    Raises:
        RebuildRefused, NotProjectable, RowsRejected, TablesRefused: it cannot be copied.
        StoreUnavailable: the database is away; what was copied stays.
    """
    read_in, read_out = anyio.create_memory_object_stream[Histories](MAX_WAITING_PAGES)
    rows_in, rows_out = anyio.create_memory_object_stream[Projected](MAX_WAITING_PAGES)
    try:
        # Closed here too: a task that is cancelled before its first step closes nothing.
        with read_in, read_out, rows_in, rows_out:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_read, task, read_in)
                tasks.start_soon(_project, read_out, rows_in)
                await _write(task, rows_out, on_page)
    except BaseExceptionGroup as failures:
        raise first_of(failures) from failures


def first_of(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """What the failure of one task does to those who wait for it says nothing more."""
    failure: BaseException = failures
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


async def _read(task: CopyTask, pages: MemoryObjectSendStream[Histories]) -> None:
    part, pace = task.part, task.pace
    with pages, unavailable_when_lost():
        async with await connect(task.dsn) as connection:
            histories = read_histories(
                connection, part.copied_id, task.until_position, pace.page_events, until_id=part.until_id
            )
            async with aclosing(histories):
                async for page in histories:
                    await pages.send(page)
                    await anyio.sleep(pace.seconds(len(page.events)))


async def _project(pages: MemoryObjectReceiveStream[Histories], rows: MemoryObjectSendStream[Projected]) -> None:
    with pages, rows:
        async for histories in pages:
            await rows.send((whole_rows(histories.events), histories.last_id, len(histories.events)))


async def _write(task: CopyTask, rows: MemoryObjectReceiveStream[Projected], on_page: Callable[[int], None]) -> None:
    with rows, refusing(), unavailable_when_lost():
        async with await connect(task.dsn) as connection:
            await connection.execute("SET synchronous_commit = off")
            writer = _PartWriter(connection, task)
            async for whole, last_id, events in rows:
                await writer.add(whole, last_id, events)
                on_page(events)
            await writer.finish()


class _PartWriter:
    """Adds pages of rows to the new tables and moves the mark of the part, both or neither."""

    def __init__(self, connection: psycopg.AsyncConnection[TupleRow], task: CopyTask) -> None:
        self._connection = connection
        self._task = task
        self._copied_id = task.part.copied_id

    async def add(self, rows: WholeRows, last_id: ConversationId, events: int) -> None:
        """A page, which ends with this conversation."""
        tables = self._task.tables
        async with self._connection.transaction():
            await self._move(last_id, events, is_done=False)
            if tables.sessions != LIVE_TABLES.sessions:
                await copy_rows(self._connection, tables.sessions, SESSION_COLUMNS, rows.sessions)
            if tables.messages != LIVE_TABLES.messages:
                await copy_rows(self._connection, tables.messages, MESSAGE_COLUMNS, rows.messages)

    async def finish(self) -> None:
        """There is no more."""
        await self._move(self._task.part.until_id, 0, is_done=True)

    async def _move(self, copied_id: ConversationId, events: int, *, is_done: bool) -> None:
        task = self._task
        move = [copied_id, events, is_done, task.rebuild_id, task.part.number, self._copied_id]
        cursor = await self._connection.execute(_COPIED, move, prepare=True)
        if cursor.rowcount != 1:
            raise RebuildRefused("Another process goes on with this rebuild.")
        self._copied_id = copied_id
