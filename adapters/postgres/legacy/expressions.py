"""Pieces of SQL over the columns of older tables. A row of theirs is called `legacy`."""

from collections.abc import Sequence
from typing import Final

from psycopg.sql import SQL, Composable, Identifier

_UUID: Final = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


def texts(columns: Sequence[str]) -> Composable:
    """The columns as text, under their names."""
    return SQL(", ").join(SQL("legacy.{0}::text AS {0}").format(Identifier(column)) for column in columns)


def coalesced(columns: Sequence[str], row: str = "legacy") -> Composable:
    """The first of them that has a value, as text; null where there are none."""
    values = [SQL("nullif({}.{}::text, '')").format(Identifier(row), Identifier(column)) for column in columns]
    return SQL("coalesce({})").format(SQL(", ").join(values)) if values else SQL("NULL::text")


def public_id(columns: Sequence[str], *, row: str = "legacy", or_row: bool = True) -> Composable:
    """The id that clients know a session by: a UUID in lower case. A row without any id is known by what it holds."""
    value = coalesced(columns, row)
    uuid_or_value = SQL("CASE WHEN {0} ~* {1} THEN lower({0}) ELSE {0} END").format(value, _UUID)
    if not or_row:
        return uuid_or_value
    return SQL("coalesce({}, 'row ' || md5({}::text))").format(uuid_or_value, Identifier(row))


def joined_public_id(
    sessions: Identifier, link: str, session_ids: Sequence[str], own: Composable
) -> tuple[Composable, Composable]:
    """Where messages name a session by a column that clients do not know: its id, and the join that finds it."""
    join = SQL(
        "LEFT JOIN (SELECT DISTINCT ON (link) * FROM (SELECT {link} AS link, {public_id} AS public_id FROM {sessions} "
        "AS session) AS links ORDER BY link, public_id) AS linked ON linked.link = {own}"
    ).format(
        link=public_id([link], row="session", or_row=False),
        public_id=public_id(session_ids, row="session"),
        sessions=sessions,
        own=own,
    )
    return SQL("coalesce(linked.public_id, {})").format(own), join
