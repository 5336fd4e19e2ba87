"""The two tables of an older database, read in one view of it: every value as text, whatever its type."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import psycopg
from msgspec import Struct
from psycopg import AsyncConnection, IsolationLevel
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composable, Composed, Identifier

from adapters.postgres.legacy.errors import LegacyUnreadable
from adapters.postgres.legacy.expressions import coalesced, joined_public_id, public_id, texts
from adapters.postgres.statements import statement

PAGE_ROWS: Final = 500
CONNECT_TIMEOUT_S: Final = 10

Row = dict[str, str | None]


class TableNames(Struct, frozen=True, kw_only=True):
    """Where the tables are. Without a schema they are looked for as any query would."""

    schema: str | None = None
    sessions: str = "conversation_sessions"
    messages: str = "conversation_messages"


class KeyColumns(Struct, frozen=True, kw_only=True):
    """The columns that say which rows belong together, and in which order. Of several the first with a value counts."""

    session_ids: tuple[str, ...]
    session_starts: tuple[str, ...]
    message_sessions: tuple[str, ...]
    message_ids: tuple[str, ...]
    message_users: tuple[str, ...]
    message_times: tuple[str, ...]


class Table(Struct, frozen=True, kw_only=True):
    """A table there is."""

    name: Identifier
    columns: tuple[str, ...]


class LegacyTables:
    """Both tables in one view of the database, as it was when the reading began."""

    def __init__(self, connection: AsyncConnection[TupleRow], sessions: Table, messages: Table) -> None:
        self._connection = connection
        self._sessions = sessions
        self._messages = messages

    @property
    def session_columns(self) -> tuple[str, ...]:
        return self._sessions.columns

    @property
    def message_columns(self) -> tuple[str, ...]:
        return self._messages.columns

    async def count_rows(self) -> int:
        """Of both tables together."""
        return await self._count(self._sessions) + await self._count(self._messages)

    async def sessions(self, keys: KeyColumns) -> AsyncIterator[tuple[str, Row]]:
        """Each row with the id of its session, in the order of these ids."""
        query = SQL(statement("legacy_sessions")).format(
            names=SQL(", ").join(map(Identifier, self._sessions.columns)),
            public_id=public_id(keys.session_ids),
            start=coalesced(keys.session_starts),
            texts=texts(self._sessions.columns),
            sessions=self._sessions.name,
        )
        async for row in self._rows("legacy_sessions", query, self._sessions):
            yield row

    async def messages(self, keys: KeyColumns) -> AsyncIterator[tuple[str, Row]]:
        """Each row with the id of its session, in the order of these ids, then of their times."""
        session_id, join = await self._link(keys)
        row_itself = SQL("md5(legacy::text)")
        query = SQL(statement("legacy_messages")).format(
            names=SQL(", ").join(map(Identifier, self._messages.columns)),
            public_id=session_id,
            user_id=coalesced(keys.message_users),
            time_text=coalesced(keys.message_times),
            time=SQL("legacy.{}").format(Identifier(keys.message_times[0]))
            if keys.message_times
            else SQL("NULL::text"),
            id=coalesced(keys.message_ids) if keys.message_ids else row_itself,
            texts=texts(self._messages.columns),
            messages=self._messages.name,
            join=join,
        )
        async for row in self._rows("legacy_messages", query, self._messages):
            yield row

    async def _link(self, keys: KeyColumns) -> tuple[Composable, Composable]:
        """The id of a message's session, and the join that it needs where messages name sessions by another column."""
        own = public_id(keys.message_sessions, or_row=False)
        if len(keys.session_ids) == 1:
            return own, SQL("")
        matches = {column: await self._matches(column, keys.message_sessions[0]) for column in keys.session_ids}
        column = max(keys.session_ids, key=lambda name: matches[name])
        if column == keys.session_ids[0]:
            return own, SQL("")
        return joined_public_id(self._sessions.name, column, keys.session_ids, own)

    async def _matches(self, session_column: str, message_column: str) -> int:
        query = SQL(statement("legacy_matches")).format(
            sessions=self._sessions.name,
            messages=self._messages.name,
            session_column=Identifier(session_column),
            message_column=Identifier(message_column),
        )
        return await self._number(query)

    async def _count(self, table: Table) -> int:
        return await self._number(SQL(statement("legacy_count")).format(table=table.name))

    async def _number(self, query: Composed) -> int:
        with _unreadable_when_refused():
            row = await (await self._connection.execute(query)).fetchone()
        return int(row[0]) if row else 0

    async def _rows(self, cursor_name: str, query: Composed, table: Table) -> AsyncIterator[tuple[str, Row]]:
        """Page by page, through a cursor of the server."""
        with _unreadable_when_refused():
            async with self._connection.cursor(name=cursor_name) as cursor:
                cursor.itersize = PAGE_ROWS
                await cursor.execute(query)
                async for values in cursor:
                    yield values[0], dict(zip(table.columns, values[1:], strict=True))


@asynccontextmanager
async def legacy_connection(dsn: str) -> AsyncIterator[AsyncConnection[TupleRow]]:
    """A connection to the older database, or to where a dump of it is laid.

    Raises:
        LegacyUnreadable: nothing answers there.
    """
    try:
        given: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_S, **conninfo_to_dict(dsn)}
        conninfo = make_conninfo("", **{**given, "client_encoding": "UTF8"})
        connection = await AsyncConnection.connect(conninfo, autocommit=True, prepare_threshold=None)
    except psycopg.ProgrammingError as error:
        # Its text would repeat the DSN.
        raise LegacyUnreadable(
            "The DSN cannot be read. It looks like postgresql://user:password@host:5432/database."
        ) from error
    except psycopg.OperationalError as error:
        reason = str(error).partition("\n")[0]
        raise LegacyUnreadable(f"The older database does not answer: {reason}. Check the DSN.") from error
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def reading_tables(connection: AsyncConnection[TupleRow], names: TableNames) -> AsyncIterator[LegacyTables]:
    """The tables in one read-only transaction.

    Raises:
        LegacyUnreadable: one of them is not there, or may not be read.
    """
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    await connection.set_read_only(True)
    with _unreadable_when_refused():
        async with connection.transaction():
            await connection.execute(statement("legacy_settings"))
            sessions = await _table(connection, names.schema, names.sessions)
            messages = await _table(connection, names.schema, names.messages)
            yield LegacyTables(connection, sessions, messages)


async def _table(connection: AsyncConnection[TupleRow], schema: str | None, name: str) -> Table:
    full_name = Identifier(schema, name) if schema else Identifier(name)
    cursor = await connection.execute(statement("legacy_columns"), [full_name.as_string(connection)])
    row = await cursor.fetchone()
    if row is None:
        place = f"the schema {schema!r}" if schema else "the schemas of the search path"
        raise LegacyUnreadable(
            f"There is no table {name!r} in {place}. Name it with --sessions-table, --messages-table and --schema."
        )
    return Table(name=Identifier(row[0], row[1]), columns=tuple(row[2]))


@contextmanager
def _unreadable_when_refused() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise LegacyUnreadable(f"The older tables cannot be read: {str(error).partition(chr(10))[0]}.") from error
    except UnicodeDecodeError as error:
        raise LegacyUnreadable("The older tables hold texts that are no UTF-8. Convert the database first.") from error
