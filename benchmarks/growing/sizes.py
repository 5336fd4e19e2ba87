"""How much disk an event takes, with everything that is kept of it."""

from benchmarks.database import connected
from benchmarks.rows import Row
from benchmarks.sql import text_of


async def sizes(dsn: str) -> list[Row]:
    """Bytes an event, of each table and index; then of all."""
    async with connected(dsn) as connection:
        counted = await (await connection.execute("SELECT count(*) FROM stored_events")).fetchone()
        found = await (await connection.execute(text_of("sizes.sql"))).fetchall()
    assert counted is not None
    events = max(1, counted[0])
    rows = [Row(name=f"size.{name}", value=round(size / events, 1), unit="bytes/event") for name, size in found]
    total = sum(size for _, size in found) / events
    return [*rows, Row(name="size.all", value=round(total, 1), unit="bytes/event")]
