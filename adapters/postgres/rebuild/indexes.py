"""Building the indexes of the new tables, two at a time: each has a part that only one processor can do."""

from collections.abc import Callable
from typing import Final

import anyio

from adapters.postgres.connection import connect
from adapters.postgres.failures import unavailable_when_lost
from adapters.postgres.rebuild.parts import first_of

LANES: Final = 2
MEMORY: Final = "256MB"
"""For each index that is being built."""

CONSTRAINT: Final = "ALTER TABLE"


async def build_indexes(dsn: str, statements: dict[str, str], progress: Callable[[str, int], None]) -> None:
    """Build them all; `progress` is told the name of each when it is begun, and how many were begun before it.

    Those that a table gets by being altered come first and alone: they let nobody else at it.

    Raises:
        StoreUnavailable: the database is away; what is complete stays.
    """
    building = _Building(dsn, list(statements.items()), progress)
    altering = [name for name, statement in statements.items() if statement.startswith(CONSTRAINT)]
    await building.work_off(len(altering))
    try:
        async with anyio.create_task_group() as tasks:
            for _ in range(LANES):
                tasks.start_soon(building.work_off)
    except BaseExceptionGroup as failures:
        raise first_of(failures) from failures


class _Building:
    def __init__(self, dsn: str, waiting: list[tuple[str, str]], progress: Callable[[str, int], None]) -> None:
        self._dsn = dsn
        self._waiting = waiting
        self._progress = progress
        self._begun = 0

    async def work_off(self, count: int | None = None) -> None:
        """Build the next ones, one after the other, on a connection of its own: so many, or until there are no more."""
        with unavailable_when_lost():
            async with await connect(self._dsn) as connection:
                await connection.execute(f"SET maintenance_work_mem = '{MEMORY}'")
                while self._waiting and count != 0:
                    name, statement = self._waiting.pop(0)
                    self._progress(name, self._begun)
                    self._begun += 1
                    await connection.execute(statement.encode())
                    count = None if count is None else count - 1
