"""Rebuilds and proofs see the events of both tables, also while events move from one to the other."""

import asyncio
from datetime import UTC, datetime

import pytest

from adapters.postgres.archive import Chosen, PostgresArchive
from adapters.postgres.rebuild.store import PostgresRebuildStore
from app.operations import archiving
from app.operations.archiving import archive
from app.operations.rebuild.rebuilding import Outcome, Wish, rebuild
from app.operations.throttle import Throttle
from benchmarks.history import CONVERSATION_EVENTS, CONVERSATIONS_AT_ONCE, fill
from projections.rebuilding import Pace, RebuildState, TableComparison
from tests.support.read_tables import findings, project_stored_events, read_tables

EVENTS = CONVERSATIONS_AT_ONCE * CONVERSATION_EVENTS
SMALL_PAGES = Pace(page_events=67)


class Silence:
    """Implements `Watcher`."""

    def going_on(self, state: RebuildState) -> None:
        """See `Watcher`."""

    def step(self, name: str, done: int, total: int | None) -> None:
        """See `Watcher`."""

    def compared(self, comparison: TableComparison) -> None:
        """See `Watcher`."""

    def waiting(self, reason: str) -> None:
        """See `Watcher`."""


@pytest.fixture
async def filled(database: str) -> str:
    """A database with conversations of several tenants, projected."""
    await fill(database, EVENTS)
    await project_stored_events(database)
    return database


async def archived(dsn: str) -> int:
    """Everything that has ended. How many conversations."""
    async with PostgresArchive.connected(dsn) as store:
        chosen = Chosen(ended_before=datetime.now(UTC))
        conversations, _ = await archive(store, chosen, Throttle(None), lambda _conversations, _events: None)
    return conversations


async def rebuilt(dsn: str) -> Outcome:
    async with PostgresRebuildStore(dsn).session() as session:
        return await rebuild(session, Wish(projections=("sessions", "messages")), Silence(), SMALL_PAGES)


async def test_tables_that_are_made_of_the_archive_are_equal(filled: str) -> None:
    before = read_tables(filled)
    assert await archived(filled)

    outcome = await rebuilt(filled)

    assert [comparison.different_rows for comparison in outcome.comparisons] == [0, 0]
    assert read_tables(filled) == before
    assert (await findings(filled)).different == 0


async def test_what_moves_meanwhile_is_neither_missed_nor_taken_twice(
    filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "BATCH_CONVERSATIONS", 3)
    before = read_tables(filled)

    outcome, conversations = await asyncio.gather(rebuilt(filled), archived(filled))

    assert conversations > 0
    assert [comparison.different_rows for comparison in outcome.comparisons] == [0, 0]
    assert read_tables(filled) == before
