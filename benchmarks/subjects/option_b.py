"""Option B of the original design: put into a queue in memory, one worker inserts.

The caller is answered before anything is stored, so a crash loses the queue.
"""

from __future__ import annotations

import asyncio
from array import array
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Final
from uuid import uuid4

from psycopg import AsyncConnection

from benchmarks import payload, sql
from benchmarks.closed_loop import NANOSECONDS_PER_SECOND
from benchmarks.measurement import Measurement
from benchmarks.subject import Subject
from benchmarks.subjects.pgbench import prepare

QUEUE_EVENTS: Final = 10_000
OFFERED_PER_SECOND: Final = 20_000
TICK_SECONDS: Final = 0.001
INSERT: Final = sql.text_of("insert_event.sql")


@dataclass(slots=True)
class _Counts:
    put_latencies_ns: array[int] = field(default_factory=lambda: array("Q"))
    dropped: int = 0
    stored: int = 0


def subject() -> Subject:
    return Subject(name="option_b", callers_are="callers", prepare=prepare, measure=_measure)


async def _measure(dsn: str, callers: int, seconds: float) -> Measurement:
    """The rate is what the worker stores; the latencies are those of the put; refused are the dropped ones."""
    assert callers == 1
    queue: asyncio.Queue[int] = asyncio.Queue(QUEUE_EVENTS)
    counts = _Counts()
    async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
        worker = asyncio.create_task(_store(connection, queue, counts))
        start_ns = perf_counter_ns()
        await _offer(queue, counts, seconds)
        elapsed_seconds = (perf_counter_ns() - start_ns) / NANOSECONDS_PER_SECOND
        stored, waiting = counts.stored, queue.qsize()
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker
    return Measurement(
        operations=stored,
        seconds=elapsed_seconds,
        latencies_ns=counts.put_latencies_ns,
        refused=counts.dropped,
        not_yet_durable=waiting,
    )


async def _store(connection: AsyncConnection, queue: asyncio.Queue[int], counts: _Counts) -> None:
    originator_id = uuid4()
    while True:
        version = await queue.get()
        event = (originator_id, version, payload.TOPIC, payload.STATE)
        await connection.execute(INSERT, event, prepare=True, binary=True)
        counts.stored += 1


async def _offer(queue: asyncio.Queue[int], counts: _Counts, seconds: float) -> None:
    """An open loop: what is due is put, whether the worker follows or not."""
    start_ns, offered = perf_counter_ns(), 0
    total = int(OFFERED_PER_SECOND * seconds)
    while offered < total:
        due = min(total, (perf_counter_ns() - start_ns) * OFFERED_PER_SECOND // NANOSECONDS_PER_SECOND)
        for version in range(offered + 1, due + 1):
            _put(queue, counts, version)
        offered = due
        await asyncio.sleep(TICK_SECONDS)


def _put(queue: asyncio.Queue[int], counts: _Counts, version: int) -> None:
    before_ns = perf_counter_ns()
    try:
        queue.put_nowait(version)
    except asyncio.QueueFull:
        counts.dropped += 1
    else:
        counts.put_latencies_ns.append(perf_counter_ns() - before_ns)
