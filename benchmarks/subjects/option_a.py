"""Option A of the original design: every message is inserted by itself over an async pool of ten connections."""

from typing import Final
from uuid import uuid4

from psycopg_pool import AsyncConnectionPool

from benchmarks import payload, sql
from benchmarks.closed_loop import Append, closed_loop
from benchmarks.measurement import Measurement
from benchmarks.subject import Subject
from benchmarks.subjects.pgbench import prepare

POOL_CONNECTIONS: Final = 10
INSERT: Final = sql.text_of("insert_event.sql")


def subject() -> Subject:
    return Subject(name="option_a", callers_are="callers", prepare=prepare, measure=_measure)


async def _measure(dsn: str, callers: int, seconds: float) -> Measurement:
    options = {"autocommit": True}
    async with AsyncConnectionPool(
        dsn, min_size=POOL_CONNECTIONS, max_size=POOL_CONNECTIONS, kwargs=options, timeout=60, open=False
    ) as pool:
        await pool.wait()
        return await closed_loop([_caller(pool) for _ in range(callers)], seconds)


def _caller(pool: AsyncConnectionPool) -> Append:
    originator_id, version = uuid4(), 0

    async def append() -> bool:
        nonlocal version
        version += 1
        event = (originator_id, version, payload.TOPIC, payload.STATE)
        async with pool.connection() as connection:
            await connection.execute(INSERT, event, prepare=True, binary=True)
        return True

    return append
