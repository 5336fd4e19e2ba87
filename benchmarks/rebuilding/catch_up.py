"""The ordinary projection from the first event on, into tables that have their indexes already, as a runner does it."""

from array import array
from time import perf_counter
from typing import Final

from adapters.postgres.connection import service_conninfo
from adapters.postgres.event_store import PostgresEventReader
from adapters.postgres.pool import read_pool
from adapters.postgres.projection_store import PostgresProjectionStore
from app.settings import Settings
from benchmarks.database import connected
from benchmarks.measurement import Measurement
from benchmarks.rebuilding.events import end_of
from benchmarks.rebuilding.tables import MADE, build_indexes, create_tables, refuse_what_differs
from benchmarks.subject import Subject
from domain.ports import EventLog, EventPage
from projections.runner import Runner

STATEMENT_TIMEOUT_S: Final = 60.0


def subject(conversations: int) -> Subject:
    """Of the first so many conversations."""

    async def measure(dsn: str, _events: int, _seconds: float) -> Measurement:
        return await _measure(dsn, conversations)

    return Subject(name="catch_up", callers_are="events", prepare=prepare, measure=measure, unit="events/s")


class UpTo:
    """Implements `EventLog`: nothing after the position, which is that of an event."""

    def __init__(self, log: EventLog, until_position: int) -> None:
        self._log = log
        self._until_position = until_position

    async def read_page(self, after_position: int, limit: int) -> EventPage:
        """See `EventLog.read_page`. No more events than there are positions."""
        return await self._log.read_page(after_position, min(limit, self._until_position - after_position))

    async def head_position(self) -> int:
        """See `EventLog.head_position`."""
        return self._until_position


async def prepare(dsn: str) -> None:
    """The tables that are filled, with their indexes."""
    await create_tables(dsn)
    async with connected(dsn) as connection:
        await build_indexes(connection)


async def _measure(dsn: str, conversations: int) -> Measurement:
    until_position, events = await end_of(dsn, conversations)
    read_dsn = service_conninfo(dsn, statement_timeout_s=STATEMENT_TIMEOUT_S, role=None)
    store = PostgresProjectionStore(read_dsn, checkpoint_name="catch_up", tables=MADE)
    async with read_pool(read_dsn, 1) as pool, store.session() as session:
        await session.try_to_lead()
        runner = Runner(
            UpTo(PostgresEventReader(pool), until_position), max_page_events=Settings().projection_page_events
        )
        checkpoint, began_s = await session.checkpoint(), perf_counter()
        while checkpoint.position < until_position:
            checkpoint = (await runner.step(session, checkpoint)).checkpoint
        seconds = perf_counter() - began_s
    await refuse_what_differs(dsn, until_position)
    return Measurement(operations=events, seconds=seconds, latencies_ns=array("Q"))
