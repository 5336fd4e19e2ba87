"""A SQL dump laid into temporary tables, so that it is read as any database is. Nothing in it is run."""

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, BinaryIO, Final, TextIO, cast

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from adapters.postgres.legacy.dump_statements import DumpReader
from adapters.postgres.legacy.dump_values import (
    TableStatement,
    Values,
    copied_table,
    created_table,
    inserted_rows,
    inserted_table,
)
from adapters.postgres.legacy.errors import LegacyUnreadable
from adapters.postgres.legacy.reading import TableNames

TEMPORARY_SCHEMA: Final = "pg_temp"
BATCH_LINES: Final = 1_000

_GZIP: Final = b"\x1f\x8b"
_ARCHIVE: Final = b"PGDMP"
_OTHER_ENCODING: Final = re.compile(
    r"SET\s+client_encoding\s*(?:=|TO)\s*'(?!UTF-?8'|SQL_ASCII')(?P<name>[^']+)'", re.IGNORECASE
)
_OF_MYSQL: Final = re.compile(
    r"(?:INSERT\s+INTO|CREATE\s+TABLE(?:\s+IF\s+NOT\s+EXISTS)?|LOCK\s+TABLES)\s+`", re.IGNORECASE
)
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class DumpRestorer:
    """Lays the rows of two tables of a dump into temporary ones whose columns are all texts."""

    def __init__(self, connection: AsyncConnection[TupleRow], names: TableNames) -> None:
        self._connection = connection
        self._names = names
        self._columns: dict[str, tuple[str, ...]] = {}
        self._made: dict[str, list[str]] = {}
        self._schemas: set[str | None] = set()
        self._inserted: TableStatement | None = None
        self._lines: list[str] = []

    async def restore(self, lines: Iterator[str]) -> None:
        """Read the dump to its end.

        Raises:
            LegacyUnreadable: it is no plain dump of these tables.
        """
        reader = DumpReader(lines)
        for statement in reader.statements():
            _check(statement)
            if (created := created_table(statement)) is not None:
                if self._is_wanted(created):
                    self._columns[created.table] = created.columns or ()
                    await self._make(created.table, created.columns or ())
            elif (copied := copied_table(statement)) is not None:
                await self._copy(copied, reader.data())
            elif (inserted := inserted_table(statement)) is not None and self._is_wanted(inserted):
                await self._insert(inserted, inserted_rows(statement, inserted.values_at))
        await self._fill_inserted()
        missing = {self._names.sessions, self._names.messages} - set(self._made)
        if missing:
            raise LegacyUnreadable(
                f"The dump has no table {' and no table '.join(sorted(missing))}. Name the tables with "
                "--sessions-table and --messages-table."
            )

    async def _copy(self, copied: TableStatement, data: Iterator[str]) -> None:
        if not self._is_wanted(copied):
            for _ in data:
                pass
            return
        if not copied.is_text_format:
            raise LegacyUnreadable("The dump has a COPY with options. Dump the tables again with pg_dump.")
        await self._fill(copied, data)

    async def _insert(self, inserted: TableStatement, rows: Iterator[Values]) -> None:
        """Keep the rows until there are many: most dumps have an INSERT for each."""
        if self._inserted is None or (self._inserted.table, self._inserted.columns) != (
            inserted.table,
            inserted.columns,
        ):
            await self._fill_inserted()
            self._inserted = inserted
        self._lines.extend(_line(values) for values in rows)
        if len(self._lines) >= BATCH_LINES:
            await self._fill_inserted()

    async def _fill_inserted(self) -> None:
        if self._inserted is not None:
            await self._fill(self._inserted, self._lines)
        self._inserted, self._lines = None, []

    async def _fill(self, table: TableStatement, lines: Iterable[str]) -> None:
        columns = table.columns or self._columns.get(table.table)
        if not columns:
            raise LegacyUnreadable(
                f"The dump does not say what the columns of {table.table} are. Dump the table again, with its "
                "schema or with --column-inserts."
            )
        await self._make(table.table, columns)
        copy = SQL("COPY {} ({}) FROM STDIN").format(
            Identifier(TEMPORARY_SCHEMA, table.table), SQL(", ").join(map(Identifier, columns))
        )
        async with self._connection.cursor() as cursor, cursor.copy(copy) as data:
            remaining = iter(lines)
            while batch := list(islice(remaining, BATCH_LINES)):
                await data.write("".join(batch))

    async def _make(self, table: str, columns: tuple[str, ...]) -> None:
        """The table, with at least these columns."""
        name = Identifier(TEMPORARY_SCHEMA, table)
        known = self._made.get(table)
        if known is None:
            listed = SQL(", ").join(SQL("{} text").format(Identifier(column)) for column in columns)
            await self._connection.execute(SQL("CREATE TABLE {} ({})").format(name, listed))
            self._made[table] = list(columns)
            return
        for column in columns:
            if column not in known:
                await self._connection.execute(SQL("ALTER TABLE {} ADD {} text").format(name, Identifier(column)))
                known.append(column)

    def _is_wanted(self, statement: TableStatement) -> bool:
        names = self._names
        if statement.table not in (names.sessions, names.messages) or names.schema not in (None, statement.schema):
            return False
        self._schemas.add(statement.schema)
        if len(self._schemas) > 1:
            raise LegacyUnreadable("The dump has these tables in several schemas. Name one with --schema.")
        return True


async def restore_dump(
    connection: AsyncConnection[TupleRow], path: Path, names: TableNames, on_lines: Callable[[int, int], None]
) -> TableNames:
    """The names of the temporary tables, which go with the connection.

    `on_lines` hears how many more lines are read, and how many bytes of the file in all.

    Raises:
        LegacyUnreadable: it is no plain dump of these tables.
    """
    with _opened(path) as (text, raw):
        try:
            await DumpRestorer(connection, names).restore(_told(text, raw, on_lines))
        except UnicodeDecodeError as error:
            raise LegacyUnreadable(f"{path.name} is not UTF-8. Dump it again with pg_dump --encoding=UTF8.") from error
        except psycopg.Error as error:
            reason = str(error).partition("\n")[0]
            raise LegacyUnreadable(
                f"The rows of {path.name} cannot be laid into temporary tables: {reason}."
            ) from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise LegacyUnreadable(f"{path.name} is not a whole gzip file. Was it cut off?") from error
    return TableNames(schema=TEMPORARY_SCHEMA, sessions=names.sessions, messages=names.messages)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[TextIO, BinaryIO]]:
    """The dump as lines, and the file behind it, whose position tells how far they are read."""
    with path.open("rb") as raw:
        head = raw.read(len(_ARCHIVE))
        raw.seek(0)
        if head == _ARCHIVE:
            raise LegacyUnreadable(
                f"{path.name} is an archive of pg_dump, not a plain dump. Make one of it: "
                f"pg_restore -f dump.sql {path.name}"
            )
        source = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if head.startswith(_GZIP) else raw
        # Line ends stay as they are: a text in the dump may hold any.
        with io.TextIOWrapper(source, encoding="utf-8-sig", newline="\n") as text:
            yield text, raw


def _told(text: TextIO, raw: BinaryIO, on_lines: Callable[[int, int], None]) -> Iterator[str]:
    for number, line in enumerate(text, start=1):
        if number % BATCH_LINES == 0:
            on_lines(BATCH_LINES, raw.tell())
        yield line


def _line(values: Values) -> str:
    """A row as COPY reads it."""
    return "\t".join("\\N" if value is None else value.translate(_ESCAPES) for value in values) + "\n"


def _check(statement: str) -> None:
    if _OF_MYSQL.match(statement):
        raise LegacyUnreadable(
            "This is a dump of MySQL, which is not read. Load it into Postgres first (pgloader does), then import with "
            "--from-dsn."
        )
    encoding = _OTHER_ENCODING.match(statement)
    if encoding is not None:
        raise LegacyUnreadable(f"The dump is in {encoding['name']}. Dump it again with pg_dump --encoding=UTF8.")
