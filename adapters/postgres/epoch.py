"""The incarnations of the store. A restore begins a new one, and what clients hold of the old one is seen as old."""

import time
from datetime import UTC, datetime
from typing import Final

import anyio
import psycopg
import structlog
from msgspec import Struct
from msgspec.structs import asdict
from psycopg.rows import TupleRow

from adapters.postgres.connection import connect
from adapters.postgres.durability import UnfitDatabase
from adapters.postgres.statements import statement
from adapters.postgres.whereabouts import Whereabouts, ask_whereabouts

SERVICE_LOCK: Final = 7_261_009
"""Held in share by every service that serves an epoch."""

LEAVING_WAIT_MAX_S: Final = 2.0
LEAVING_LOOK_INTERVAL_S: Final = 0.05

_EPOCH = statement("epoch")
_EPOCHS = statement("epochs")
_BEGIN = statement("epoch_begin")
_SETTLE = statement("epoch_settle")
_LOCK: Final = "LOCK TABLE turnlog_epochs IN SHARE ROW EXCLUSIVE MODE"
_FORGET_SNAPSHOTS: Final = "TRUNCATE conversation_snapshots"

logger = structlog.get_logger()


class Epoch(Struct, frozen=True):
    """One incarnation, and why it began."""

    name: str
    started_at: datetime
    reason: str


class ServiceConnected(Exception):
    """A service is serving the present epoch; the sentence says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "A service is connected to this database and would go on in the old epoch. Stop it, begin the new epoch, "
            "and start it again."
        )


class NotTheOwner(UnfitDatabase):
    """A new epoch has to begin, and this login may not write it."""

    def __init__(self, login: str, reason: str) -> None:
        super().__init__(
            f"A new epoch has to begin ({reason}), and the login {login!r} may not write it. Run `turnlog epoch new` "
            "with the login that owns the tables."
        )


async def settle_epoch(dsn: str) -> str:
    """The epoch to serve. A new one begins where the store has woken up elsewhere than it was last served.

    Raises:
        NotTheOwner: the login may not begin one.
        psycopg.OperationalError: the database cannot be reached.
    """
    async with await connect(dsn) as connection:
        here = await ask_whereabouts(connection)
        if untold := here.untold():
            logger.info("server_does_not_tell", what=untold)
        name, before = await _present(connection)
        if not here.changes_since(before) and not before.lacks(here):
            return name
        try:
            async with connection.transaction():
                return await _settle(connection, here)
        except psycopg.errors.InsufficientPrivilege as error:
            if changes := here.changes_since(before):
                raise NotTheOwner(connection.info.user, "; ".join(changes)) from error
            logger.info("epoch_keeps_no_whereabouts", login=connection.info.user)
            return name


async def begin_epoch(dsn: str, reason: str) -> Epoch:
    """Begin one, whatever the server can tell.

    Raises:
        ServiceConnected: somebody serves the present one.
        NotTheOwner: the login may not begin one.
        psycopg.OperationalError: the database cannot be reached.
    """
    async with await connect(dsn) as connection:
        here = await ask_whereabouts(connection)
        await _check_nobody_serves(connection)
        try:
            async with connection.transaction():
                await connection.execute(_LOCK)
                return await _begin(connection, reason, here)
        except psycopg.errors.InsufficientPrivilege as error:
            raise NotTheOwner(connection.info.user, reason) from error


async def read_epochs(dsn: str) -> list[Epoch]:
    """All of them, the present one first."""
    async with await connect(dsn) as connection:
        rows = await (await connection.execute(_EPOCHS)).fetchall()
    return [Epoch(name, started_at.astimezone(UTC), reason) for name, started_at, reason in rows]


async def _check_nobody_serves(connection: psycopg.AsyncConnection[TupleRow]) -> None:
    """A service that has just stopped is waited for: the server takes a moment to see that it is gone."""
    deadline_s = time.monotonic() + LEAVING_WAIT_MAX_S
    while True:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", [SERVICE_LOCK])
        if await cursor.fetchone() == (True,):
            return
        if time.monotonic() > deadline_s:
            raise ServiceConnected
        await anyio.sleep(LEAVING_LOOK_INTERVAL_S)


async def _settle(connection: psycopg.AsyncConnection[TupleRow], here: Whereabouts) -> str:
    """Once more, and alone: of several processes that start together one begins the epoch."""
    await connection.execute(_LOCK)
    name, before = await _present(connection)
    changes = here.changes_since(before)
    if not changes:
        await connection.execute(_SETTLE, {"epoch": name, **asdict(here)})
        return name
    epoch = await _begin(connection, f"restored: {'; '.join(changes)}", here)
    logger.warning("epoch_begun", epoch=epoch.name, before=name, reason=epoch.reason)
    return epoch.name


async def _begin(connection: psycopg.AsyncConnection[TupleRow], reason: str, here: Whereabouts) -> Epoch:
    """Snapshots may be of events that are no more, where the events alone were restored."""
    await connection.execute(_FORGET_SNAPSHOTS)
    row = await (await connection.execute(_BEGIN, {"reason": reason, **asdict(here)})).fetchone()
    if row is None:
        raise psycopg.DataError("no epoch was begun")
    return Epoch(row[0], row[1].astimezone(UTC), row[2])


async def _present(connection: psycopg.AsyncConnection[TupleRow]) -> tuple[str, Whereabouts]:
    row = await (await connection.execute(_EPOCH)).fetchone()
    if row is None:
        raise psycopg.DataError("the store has no epoch: turnlog_epochs is empty")
    name, system_identifier, timeline, database_oid, table_oid = row
    return name, Whereabouts(
        system_identifier=system_identifier, timeline=timeline, database_oid=database_oid, table_oid=table_oid
    )


async def present_epoch(connection: psycopg.AsyncConnection[TupleRow]) -> tuple[str, list[str]]:
    """The present epoch, and what has changed under it since it was begun or last settled, each as a clause."""
    here = await ask_whereabouts(connection)
    name, before = await _present(connection)
    return name, here.changes_since(before)
