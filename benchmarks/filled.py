"""A database with so many events whose read tables are up to date, to be measured or to be copied."""

from collections.abc import Callable
from typing import Final

from adapters.postgres.migrate import migrate
from adapters.postgres.projection_store import PostgresProjectionStore
from benchmarks import history
from benchmarks.database import connected, execute
from benchmarks.rebuilding import turnlog
from projections.registry import CHECKPOINT_NAME

MOVE_TO_HEAD: Final = """
UPDATE projection_checkpoints SET position = (SELECT max(notification_id) FROM stored_events) WHERE name = %s
"""


async def fill_database(dsn: str, events: int, on_step: Callable[[str], None]) -> None:
    """From an empty database on. The rows are made by a rebuild, which takes the empty tables for what is live."""
    await migrate(dsn)
    on_step(f"storing {events:,} events")
    await history.fill(dsn, events, lambda done: on_step(f"storing {events:,} events: {done:,}"))
    async with PostgresProjectionStore(dsn).session() as session:
        await session.try_to_lead()
    async with connected(dsn) as connection:
        await connection.execute(MOVE_TO_HEAD, [CHECKPOINT_NAME])
    on_step(f"making the rows of {events:,} events")
    await turnlog.rebuild_in_a_process(dsn)
    await execute(dsn, "VACUUM (ANALYZE)")
