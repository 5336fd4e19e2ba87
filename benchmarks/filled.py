"""A database with so many events whose read tables are up to date, to be measured or to be copied."""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from adapters.postgres.migrate import migrate
from adapters.postgres.projection_store import PostgresProjectionStore
from benchmarks import history
from benchmarks.database import connected, execute
from benchmarks.rebuilding import turnlog
from benchmarks.subject import BenchmarkError
from domain.ids import DEFAULT_TENANT, ConversationId, TenantId
from projections.registry import CHECKPOINT_NAME

MOVE_TO_HEAD: Final = """
UPDATE projection_checkpoints SET position = (SELECT max(notification_id) FROM stored_events) WHERE name = %s
"""
IS_PROJECTED: Final = """
SELECT position >= (SELECT max(notification_id) FROM stored_events) FROM projection_checkpoints WHERE name = %s
"""
CATCH_UP_SECONDS: Final = 120.0
POLL_SECONDS: Final = 0.1


class Named(NamedTuple):
    """Which conversation, and whose."""

    tenant_id: TenantId
    conversation_id: ConversationId


async def fill_database(
    dsn: str, events: int, on_step: Callable[[str], None], *, long_conversations: int = 0, long_events: int = 0
) -> list[Named]:
    """From an empty database on. Gives the long conversations.

    The rows are made by a rebuild, which takes the empty tables for what is live.
    """
    await migrate(dsn)
    long = [
        Named(DEFAULT_TENANT, await history.add_long_conversation(dsn, long_events)) for _ in range(long_conversations)
    ]
    on_step(f"storing {events:,} events")
    await history.fill(dsn, events, lambda done: on_step(f"storing {events:,} events: {done:,}"))
    async with PostgresProjectionStore(dsn).session() as session:
        await session.try_to_lead()
    async with connected(dsn) as connection:
        await connection.execute(MOVE_TO_HEAD, [CHECKPOINT_NAME])
    on_step(f"making the rows of {events:,} events")
    await turnlog.rebuild_in_a_process(dsn)
    await execute(dsn, "VACUUM (ANALYZE)")
    return long


async def until_projected(dsn: str) -> None:
    """Somebody projects. Raises BenchmarkError: not far enough in time."""
    async with connected(dsn) as connection:
        for _ in range(int(CATCH_UP_SECONDS / POLL_SECONDS)):
            if await (await connection.execute(IS_PROJECTED, [CHECKPOINT_NAME])).fetchone() == (True,):
                return
            await asyncio.sleep(POLL_SECONDS)
    raise BenchmarkError(f"the projections did not catch up within {CATCH_UP_SECONDS:g} s")
