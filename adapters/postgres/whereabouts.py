"""Where a store lives: a copy of it that wakes up elsewhere, or on another branch of its history, can tell."""

from typing import Any, Final, LiteralString

import psycopg
from msgspec import Struct
from psycopg.rows import TupleRow

from adapters.postgres.statements import statement

_WHEREABOUTS = statement("whereabouts")
_ASKED_OF_THE_SERVER: Final[dict[str, LiteralString]] = {
    "system_identifier": "SELECT system_identifier::text FROM pg_control_system()",
    "timeline": "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)",
}
_MEANINGS: Final = {
    "system_identifier": "this is another server",
    "timeline": "the server was recovered to an earlier point, or promoted",
    "database_oid": "this is another database of the server",
    "table_oid": "the table stored_events was made again",
}


class Whereabouts(Struct, frozen=True, kw_only=True):
    """What a copy of the files shares with its original, and a restored dump, recovery or promotion does not.

    Null is what this server, or its administrator, does not tell.
    """

    system_identifier: str | None
    timeline: str | None
    database_oid: int | None
    table_oid: int | None

    def changes_since(self, earlier: "Whereabouts") -> list[str]:
        """What is another than it was, each as a clause. What was or is not told counts as the same."""
        return [
            meaning
            for name, meaning in _MEANINGS.items()
            if (before := getattr(earlier, name)) is not None
            and (now := getattr(self, name)) is not None
            and before != now
        ]

    def untold(self) -> list[str]:
        """The names of what is not told."""
        return [name for name in _MEANINGS if getattr(self, name) is None]

    def lacks(self, known: "Whereabouts") -> bool:
        """Whether the other one knows something that this one does not."""
        return any(getattr(self, name) is None and getattr(known, name) is not None for name in _MEANINGS)


async def ask_whereabouts(connection: psycopg.AsyncConnection[TupleRow]) -> Whereabouts:
    """Of the database of the connection, which must be in no transaction.

    Raises:
        psycopg.OperationalError: the database is away.
    """
    told = {name: await _told(connection, query) for name, query in _ASKED_OF_THE_SERVER.items()}
    row = await (await connection.execute(_WHEREABOUTS)).fetchone()
    database_oid, table_oid = row or (None, None)
    return Whereabouts(database_oid=database_oid, table_oid=table_oid, **told)


async def _told(connection: psycopg.AsyncConnection[TupleRow], query: LiteralString) -> Any:
    try:
        row = await (await connection.execute(query)).fetchone()
    except (psycopg.ProgrammingError, psycopg.NotSupportedError):
        return None
    return row[0] if row else None
