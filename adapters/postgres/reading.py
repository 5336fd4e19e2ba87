"""Reads through the pool: bounded, and not failed by a connection that died while nobody used it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg.rows import AsyncRowFactory, tuple_row

from adapters.postgres.failures import unavailable_when_lost
from adapters.postgres.pool import Pool
from adapters.postgres.watchdog import cut_after
from domain.errors import StoreUnavailable

STALL_TIMEOUT_S = 5.5
"""The server's own statement timeout comes first, when the server can still be heard."""

RETRY_WINDOW_S = 1.0
"""A restart of the server leaves dead connections in the pool. They fail at once, one after the other."""

Parameters = Mapping[str, object] | Sequence[object]


class _LinkBroken(StoreUnavailable):
    """This connection is gone, which says nothing about the next one."""


async def read_rows(
    pool: Pool,
    query: LiteralString,
    parameters: Parameters,
    *,
    row_factory: AsyncRowFactory[Any] = tuple_row,
    prepare: bool | None = None,
) -> list[Any]:
    """All rows of a query that changes nothing; it may run more than once.

    Raises:
        StoreUnavailable: no connection came free, or none answered in time.
    """
    retry_until = asyncio.get_running_loop().time() + RETRY_WINDOW_S
    while True:
        try:
            with unavailable_when_lost():
                async with pool.connection() as connection:
                    return await _ask(connection, query, parameters, row_factory, prepare=prepare)
        except _LinkBroken:
            if asyncio.get_running_loop().time() > retry_until:
                raise


async def _ask(
    connection: psycopg.AsyncConnection[Any],
    query: LiteralString,
    parameters: Parameters,
    row_factory: AsyncRowFactory[Any],
    *,
    prepare: bool | None,
) -> list[Any]:
    try:
        with cut_after(connection, STALL_TIMEOUT_S):
            cursor = connection.cursor(binary=True, row_factory=row_factory)
            await cursor.execute(query, parameters, prepare=prepare)
            return await cursor.fetchall()
    except psycopg.OperationalError as error:
        if connection.broken:
            raise _LinkBroken from error
        raise
