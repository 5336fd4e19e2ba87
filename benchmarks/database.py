"""A fresh database for every measurement, on whichever server the run has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from os import getpid
from typing import Final

from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege
from psycopg.pq import Conninfo
from psycopg.sql import SQL, Identifier

_numbers: Final = count(1)


@asynccontextmanager
async def fresh_database(server_dsn: str) -> AsyncIterator[str]:
    """Yields the DSN of an empty database, which is dropped at the end."""
    name = f"turnlog_bench_{getpid()}_{next(_numbers)}"
    await execute(server_dsn, SQL("CREATE DATABASE {} TEMPLATE template0").format(Identifier(name)).as_string())
    try:
        yield make_conninfo(server_dsn, dbname=name)
    finally:
        drop = SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name))
        await execute(server_dsn, drop.as_string())


async def checkpoint(server_dsn: str) -> None:
    """So that nobody pays for the pages of whoever ran before. A server that forbids it is measured without."""
    with suppress(InsufficientPrivilege):
        await execute(server_dsn, "CHECKPOINT")


async def execute(dsn: str, statements: str) -> None:
    """Runs one or more statements without binds."""
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(statements)


def libpq_environment(dsn: str) -> dict[str, str]:
    """The DSN as PG* variables: understood by pgbench and node alike, and no password in a list of processes."""
    options = Conninfo.parse(dsn.encode())
    return {each.envvar.decode(): each.val.decode() for each in options if each.envvar and each.val}
