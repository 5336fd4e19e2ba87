"""The eventsourcing library's own recorder, as it comes: a transaction, a table lock and a NOTIFY for each event."""

from __future__ import annotations

import asyncio
from array import array
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import perf_counter_ns
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from benchmarks import payload
from benchmarks.closed_loop import NANOSECONDS_PER_SECOND, WARM_UP_SHARE
from benchmarks.measurement import Measurement
from benchmarks.subject import Subject


def subject() -> Subject:
    return Subject(name="recorder", callers_are="threads", prepare=_prepare, measure=_measure)


async def _prepare(dsn: str) -> None:
    with _datastore(dsn, 1) as datastore:
        await asyncio.to_thread(PostgresApplicationRecorder(datastore).create_table)


async def _measure(dsn: str, callers: int, seconds: float) -> Measurement:
    return await asyncio.to_thread(_run_threads, dsn, callers, seconds)


def _run_threads(dsn: str, threads: int, seconds: float) -> Measurement:
    with ExitStack() as stack:
        datastore = stack.enter_context(_datastore(dsn, threads))
        pool = stack.enter_context(ThreadPoolExecutor(threads))
        recorder = PostgresApplicationRecorder(datastore)

        def append_for(duration_seconds: float) -> array[int]:
            until_ns = perf_counter_ns() + int(duration_seconds * NANOSECONDS_PER_SECOND)
            results = pool.map(lambda _: _append_until(recorder, until_ns), range(threads))
            return array("Q", (latency for result in results for latency in result))

        append_for(seconds * WARM_UP_SHARE)
        start_ns = perf_counter_ns()
        latencies = append_for(seconds)
        elapsed_seconds = (perf_counter_ns() - start_ns) / NANOSECONDS_PER_SECOND
    return Measurement(operations=len(latencies), seconds=elapsed_seconds, latencies_ns=latencies)


def _append_until(recorder: PostgresApplicationRecorder, until_ns: int) -> array[int]:
    """One conversation of rising versions."""
    latencies = array("Q")
    originator_id, version = uuid4(), 0
    now_ns = perf_counter_ns()
    while now_ns < until_ns:
        version += 1
        recorder.insert_events([StoredEvent(originator_id, version, payload.TOPIC, payload.STATE)])
        then_ns, now_ns = now_ns, perf_counter_ns()
        latencies.append(now_ns - then_ns)
    return latencies


def _datastore(dsn: str, connections: int) -> PostgresDatastore:
    options = conninfo_to_dict(dsn)
    return PostgresDatastore(
        dbname=str(options["dbname"]),
        host=str(options.get("host", "")),
        port=str(options.get("port", "")),
        user=str(options.get("user", "")),
        password=str(options.get("password", "")),
        pool_size=connections,
    )
