"""The same two tables in plain SQL: `INSERT ... SELECT` of the events' JSON, the indexes afterwards."""

from array import array
from time import perf_counter
from typing import Final

from benchmarks.database import connected
from benchmarks.measurement import Measurement
from benchmarks.rebuilding.events import head_position
from benchmarks.rebuilding.tables import build_indexes, create_tables, on_made_tables, refuse_what_differs
from benchmarks.subject import Subject

SETTINGS: Final = "SET synchronous_commit = off; SET work_mem = '256MB'"
"""As a rebuild does not wait for the disk either; and memory enough that nothing is sorted on the disk."""


def subject() -> Subject:
    return Subject(name="plain_sql", callers_are="events", prepare=create_tables, measure=_measure, unit="events/s")


async def _measure(dsn: str, events: int, _seconds: float) -> Measurement:
    async with connected(dsn) as connection:
        await connection.execute(SETTINGS)
        times = [perf_counter()]
        await connection.execute(on_made_tables("plain_sessions.sql"))
        await connection.execute("ANALYZE made_sessions")
        times.append(perf_counter())
        await connection.execute(on_made_tables("plain_messages.sql"))
        times.append(perf_counter())
        await build_indexes(connection)
        times.append(perf_counter())
    await refuse_what_differs(dsn, await head_position(dsn))
    parts = zip(("sessions", "messages", "index"), times, times[1:], strict=False)
    return Measurement(
        operations=events,
        seconds=times[-1] - times[0],
        latencies_ns=array("Q"),
        parts={name: until - since for name, since, until in parts},
    )
