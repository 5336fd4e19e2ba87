"""Rows as COPY reads them in its text format."""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from adapters.postgres import row_columns
from adapters.postgres.row_columns import Kind
from projections.rows import MessageRow, SessionRow

_NULL: Final = "\\N"
_encoder = msgspec.json.Encoder()

Encoder = Callable[[Iterable[Any]], Iterable[str]]
Columns = dict[str, tuple[Encoder, Callable[[Any], Any]]]


def _plain(values: Iterable[object]) -> Iterable[str]:
    """Ids, numbers, times, truth values and words of our own: nothing in them needs escaping."""
    return [_NULL if value is None else str(value) for value in values]


def _text(values: Iterable[str | None]) -> Iterable[str]:
    return [_NULL if value is None else _escaped(value) for value in values]


def _escaped(value: str) -> str:
    # Looking for each is several times faster than translating, and most texts have none.
    if "\\" in value:
        value = value.replace("\\", "\\\\")
    if "\n" in value:
        value = value.replace("\n", "\\n")
    if "\t" in value:
        value = value.replace("\t", "\\t")
    if "\r" in value:
        value = value.replace("\r", "\\r")
    return value


def _json(values: Iterable[object]) -> Iterable[str]:
    # Most metadata is empty. The encoder escapes line breaks itself, so backslashes are all there is to escape.
    return [_encoder.encode(value).decode().replace("\\", "\\\\") if value else "{}" for value in values]


_ENCODERS: Final[dict[Kind, Encoder]] = {"plain": _plain, "text": _text, "json": _json, "time": _plain}


def _columns(kinds: dict[str, Kind]) -> Columns:
    return {name: (_ENCODERS[kind], attrgetter(name)) for name, kind in kinds.items()}


def _usage(name: str) -> Callable[[MessageRow], Any]:
    return lambda row: None if row.usage is None else getattr(row.usage, name)


SESSION_COLUMNS: Final = _columns(row_columns.SESSION)
MESSAGE_COLUMNS: Final = {
    **_columns(row_columns.MESSAGE | row_columns.MESSAGE_LATER | row_columns.MESSAGE_OF_SESSION),
    **{name: (_ENCODERS[kind], _usage(name)) for name, kind in row_columns.USAGE.items()},
}


def copy_text(columns: Columns, rows: Sequence[SessionRow] | Sequence[MessageRow]) -> bytes:
    """The rows in COPY's text format."""
    encoded = [_encoded(encoder, list(map(getter, rows))) for encoder, getter in columns.values()]
    return "".join(["\t".join(row) + "\n" for row in zip(*encoded, strict=True)]).encode()


def _encoded(encoder: Encoder, values: list[Any]) -> Iterable[str]:
    # Many columns are seldom used, and counting is several times faster than encoding.
    return [_NULL] * len(values) if values.count(None) == len(values) else encoder(values)


async def copy_rows(
    connection: AsyncConnection[TupleRow],
    table: str,
    columns: Columns,
    rows: Sequence[SessionRow] | Sequence[MessageRow],
) -> None:
    """Add the rows to the table."""
    if not rows:
        return
    statement = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), SQL(", ").join(map(Identifier, columns)))
    async with connection.cursor().copy(statement) as copy:
        await copy.write(copy_text(columns, rows))
