"""A rebuild as a test runs it, and what it told on the way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from adapters.postgres.rebuild.store import PostgresRebuildSession, PostgresRebuildStore
from app.operations.rebuild.rebuilding import Outcome, Wish, rebuild
from projections.rebuilding import Pace, RebuildState, TableComparison
from projections.registry import ProjectionName

EVENTS = 400
PACE = Pace(page_events=67)
"""Pages none of which ends where a conversation ends."""
BOTH: tuple[ProjectionName, ...] = ("sessions", "messages")
ALL = Wish(projections=BOTH)
ROLLBACK = Wish(projections=BOTH, is_rollback=True)
V1 = {"conversation_sessions_v1", "conversation_messages_v1"}
V2 = {"conversation_sessions_v2", "conversation_messages_v2"}


class Killed(Exception):
    """The process ends here."""


class Story:
    """Implements `Watcher`: what was told. The process does not survive its step number `nth` of those that are called
    `killed_at`."""

    def __init__(self, killed_at: str | None = None, nth: int = 1) -> None:
        self.steps: list[str] = []
        self.comparisons: list[TableComparison] = []
        self.resumed: list[RebuildState] = []
        self.waits = 0
        self._killed_at = killed_at
        self._lives = nth

    def going_on(self, state: RebuildState) -> None:
        self.resumed.append(state)

    def step(self, name: str, done: int, total: int | None) -> None:
        self.steps.append(name)
        if name == self._killed_at or name.split(maxsplit=1)[0] == self._killed_at:
            self._lives -= 1
            if not self._lives:
                raise Killed

    def compared(self, comparison: TableComparison) -> None:
        self.comparisons.append(comparison)

    def waiting(self, reason: str) -> None:
        self.waits += 1


@asynccontextmanager
async def session_of(dsn: str) -> AsyncIterator[PostgresRebuildSession]:
    async with PostgresRebuildStore(dsn).session() as session:
        yield session


async def run(dsn: str, wish: Wish = ALL, story: Story | None = None, pace: Pace = PACE) -> Outcome:
    async with session_of(dsn) as session:
        return await rebuild(session, wish, story or Story(), pace)


def change(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())
