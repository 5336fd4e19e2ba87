"""Which events there are."""

from typing import Final

from benchmarks.database import connected

HEAD: Final = "SELECT max(notification_id) FROM stored_events"
END_OF: Final = """
SELECT max(notification_id), count(*) FROM stored_events WHERE originator_id IN (
    SELECT originator_id FROM stored_events WHERE originator_version = 1 ORDER BY notification_id LIMIT %s)
"""


async def head_position(dsn: str) -> int:
    """Of the last event."""
    async with connected(dsn) as connection:
        row = await (await connection.execute(HEAD)).fetchone()
    assert row is not None
    return int(row[0])


async def end_of(dsn: str, conversations: int) -> tuple[int, int]:
    """The position of the last event of the first so many conversations, and how many events these have."""
    async with connected(dsn) as connection:
        row = await (await connection.execute(END_OF, [conversations])).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
