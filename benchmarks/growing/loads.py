"""Reading one conversation by the real use case, in a process that knows nothing of it yet."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from typing import Final

from msgspec.structs import replace

from adapters.postgres.append_queue import AppendLimits
from adapters.postgres.appender import BatchingAppender
from adapters.postgres.connection import service_conninfo
from adapters.postgres.event_store import PostgresEventStore
from adapters.postgres.pool import read_pool
from adapters.postgres.snapshots import PostgresSnapshots
from app.aggregates import AggregateCache
from app.histories import Histories
from app.principal import ANYBODY
from app.settings import Settings
from app.snapshot_keeper import SnapshotKeeper
from app.use_cases.get_conversation import GetConversation
from benchmarks.closed_loop import closed_loop
from benchmarks.database import connected
from benchmarks.filled import Named
from benchmarks.measurement import Measurement
from benchmarks.subject import BenchmarkError, Subject

STATEMENT_TIMEOUT_S: Final = 60.0
SNAPSHOT_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.02
SHORT: Final = """
SELECT tenant_id::text, originator_id::text FROM stored_events
WHERE notification_id <= %s AND originator_version = 1 ORDER BY notification_id DESC LIMIT 1
"""


def subject(name: str, conversations: Sequence[Named], *, with_snapshots: bool) -> Subject:
    """One of the conversations after the other."""

    async def prepare(dsn: str) -> None:
        if with_snapshots:
            await _make_snapshots(dsn, conversations)

    async def measure(dsn: str, callers: int, seconds: float) -> Measurement:
        return await _measure(dsn, conversations, callers, seconds, with_snapshots=with_snapshots)

    return Subject(name=name, callers_are="callers", prepare=prepare, measure=measure, unit="loads/s")


async def short_conversations(dsn: str, count: int) -> list[Named]:
    """Each the last that began before a place; the places are spread over the second half of the store."""
    async with connected(dsn) as connection:
        head = await (await connection.execute("SELECT max(notification_id) FROM stored_events")).fetchone()
        assert head is not None
        found = []
        for number in range(count):
            position = head[0] // 2 + number * head[0] // (2 * count)
            row = await (await connection.execute(SHORT, [position])).fetchone()
            assert row is not None
            found.append(Named(*row))
    return found


async def _measure(
    dsn: str, conversations: Sequence[Named], callers: int, seconds: float, *, with_snapshots: bool
) -> Measurement:
    chosen = cycle(conversations)
    async with _reading(dsn) as (store, snapshots):
        histories = Histories(store, snapshots if with_snapshots else None)

        async def load() -> bool:
            tenant_id, conversation_id = next(chosen)
            cold = AggregateCache(max_count=1, max_bytes=Settings().aggregate_cache_max_bytes)
            await GetConversation(store, histories, cold)(replace(ANYBODY, tenant_id=tenant_id), conversation_id)
            return True

        return await closed_loop([load] * callers, seconds)


async def _make_snapshots(dsn: str, conversations: Sequence[Named]) -> None:
    """As a service does that reads them for the first time. What is too short has none."""
    every_events = Settings().snapshot_every_events
    async with _reading(dsn) as (store, snapshots):
        keeper = SnapshotKeeper(store, snapshots, every_events)
        keeping = asyncio.create_task(keeper.run())
        try:
            histories = Histories(store, snapshots, keeper.grown)
            for named in conversations:
                history = await histories.load(*named)
                if history.head >= every_events:
                    await _until_kept(snapshots, named, history.head - history.head % every_events)
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping


async def _until_kept(snapshots: PostgresSnapshots, named: Named, version: int) -> None:
    for _ in range(int(SNAPSHOT_SECONDS / POLL_SECONDS)):
        found = await snapshots.nearest(*named)
        if found is not None and found.version >= version:
            return
        await asyncio.sleep(POLL_SECONDS)
    raise BenchmarkError(f"no snapshot of {named.conversation_id} at version {version}")


@asynccontextmanager
async def _reading(dsn: str) -> AsyncIterator[tuple[PostgresEventStore, PostgresSnapshots]]:
    """On connections as the service has them. Nothing is appended."""
    read_dsn = service_conninfo(dsn, statement_timeout_s=STATEMENT_TIMEOUT_S, role=None)
    async with read_pool(read_dsn, Settings().read_pool_max_connections) as pool:
        store = PostgresEventStore(BatchingAppender(read_dsn, AppendLimits()), pool)
        yield store, PostgresSnapshots(pool, store)
