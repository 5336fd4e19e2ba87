"""A fresh database for every measurement, on whichever server the run has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from os import getpid
from typing import Final

from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import InsufficientPrivilege
from psycopg.pq import Conninfo
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

_numbers: Final = count(1)


@asynccontextmanager
async def fresh_database(server_dsn: str, template: str | None = None) -> AsyncIterator[str]:
    """Yields the DSN of a database that is dropped at the end: empty, or a copy of the template's files."""
    name = f"turnlog_bench_{getpid()}_{next(_numbers)}"
    # Copied file by file, a template of gigabytes does not go through the log of the server that is measured.
    source = SQL("{} STRATEGY file_copy").format(Identifier(template)) if template else SQL("template0")
    create = SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), source)
    await execute(server_dsn, create.as_string())
    try:
        yield make_conninfo(server_dsn, dbname=name)
    finally:
        drop = SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name))
        await execute(server_dsn, drop.as_string())


def name_of(dsn: str) -> str:
    """What the server calls the database."""
    return str(conninfo_to_dict(dsn)["dbname"])


async def checkpoint(server_dsn: str) -> None:
    """So that nobody pays for the pages of whoever ran before. A server that forbids it is measured without."""
    with suppress(InsufficientPrivilege):
        await execute(server_dsn, "CHECKPOINT")


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[AsyncConnection[TupleRow]]:
    """A connection that commits each statement."""
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        yield connection


async def execute(dsn: str, statements: str) -> None:
    """Runs one or more statements without binds."""
    async with connected(dsn) as connection:
        await connection.execute(statements.encode())


def libpq_environment(dsn: str) -> dict[str, str]:
    """The DSN as PG* variables: understood by pgbench and node alike, and no password in a list of processes."""
    options = Conninfo.parse(dsn.encode())
    return {each.envvar.decode(): each.val.decode() for each in options if each.envvar and each.val}
