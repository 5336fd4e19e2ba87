"""A rebuild of the read tables on Postgres: what it makes, what it keeps, and whom it never disturbs."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import anyio
import psycopg
import pytest

from adapters.postgres.projection_store import PostgresProjectionStore
from adapters.postgres.rebuild import live as held_tables
from adapters.postgres.rebuild import store as rebuild_store
from adapters.postgres.rebuild.parts import copy_part
from adapters.postgres.rebuild.store import PostgresRebuildSession, PostgresRebuildStore
from app.operations.rebuild.rebuilding import Outcome, Wish, rebuild
from benchmarks.history import fill
from domain.ports import RecordedEvent
from projections import whole
from projections.changes import Change
from projections.rebuilding import Pace, RebuildRefused, RebuildState, TableComparison
from projections.registry import ProjectionName
from tests.support.read_tables import (
    findings,
    live_tables,
    numbered_tables,
    project_for_ever,
    project_stored_events,
    read_tables,
)

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


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many parts of few events."""
    monkeypatch.setattr(rebuild_store, "PART_EVENTS", 150)


@pytest.fixture
async def filled(database: str) -> str:
    """A database with conversations of several tenants, projected."""
    await fill(database, EVENTS)
    await project_stored_events(database)
    return database


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


async def test_the_new_tables_are_equal_to_the_live_ones_and_take_their_place(filled: str) -> None:
    before = read_tables(filled)

    outcome = await run(filled)

    assert live_tables(filled) == V2
    assert read_tables(filled) == before
    assert numbered_tables(filled) == V1 | V2
    for comparison in outcome.comparisons:
        assert comparison.different_rows == 0
        assert comparison.live_hash == comparison.new_hash
        assert comparison.live_rows == comparison.new_rows > 0
    assert (await findings(filled)).different == 0


async def test_new_tables_have_every_index_constraint_and_setting_of_the_old_ones(filled: str) -> None:
    await run(filled)

    def shape(version: int) -> list[tuple[str, ...]]:
        query = """
            SELECT relname, relkind::text, coalesce(pg_get_indexdef(pg_index.indexrelid), ''),
                   coalesce(pg_get_constraintdef(pg_constraint.oid), ''), coalesce(reloptions::text, '')
            FROM pg_class
            LEFT JOIN pg_index ON indexrelid = pg_class.oid
            LEFT JOIN pg_constraint ON conindid = pg_class.oid
            WHERE relname LIKE %s AND relkind IN ('r', 'i')
            ORDER BY 1, 4
        """
        with psycopg.connect(filled) as connection:
            rows = connection.execute(query, [f"conversation_%\\_v{version}%"]).fetchall()
        return [tuple(column.replace(f"_v{version}", "") for column in row) for row in rows]

    assert shape(1) == shape(2)
    assert len(shape(1)) > len(BOTH)


async def test_one_table_can_be_rebuilt_alone(filled: str) -> None:
    before = read_tables(filled)

    await run(filled, Wish(projections=("messages",)))

    assert live_tables(filled) == {"conversation_sessions_v1", "conversation_messages_v2"}
    assert read_tables(filled) == before


async def test_what_was_stored_meanwhile_is_caught_up(filled: str) -> None:
    # given a rebuild that is interrupted after its copy, and events that are stored and projected since
    with pytest.raises(Killed):
        await run(filled, story=Story("index"))
    await fill(filled, EVENTS)
    await project_stored_events(filled)

    story = Story()
    await run(filled, story=story)

    assert story.resumed
    assert live_tables(filled) == V2
    assert (await findings(filled)).different == 0


@pytest.mark.parametrize(
    ("step", "nth"),
    [
        ("copy", 1),
        ("copy", 2),
        ("copy", 5),
        ("index", 1),
        ("index", 3),
        ("catch up", 1),
        ("compare", 1),
        ("compare", 2),
        ("catch up", 2),
        ("swap", 1),
    ],
)
async def test_a_rebuild_goes_on_wherever_its_process_was_killed(filled: str, step: str, nth: int) -> None:
    before = read_tables(filled)
    with pytest.raises(Killed):
        await run(filled, story=Story(step, nth))
    assert live_tables(filled) == V1
    assert read_tables(filled) == before

    await run(filled)

    assert live_tables(filled) == V2
    assert read_tables(filled) == before
    assert numbered_tables(filled) == V1 | V2


async def test_several_processes_copy_what_one_would(filled: str) -> None:
    before = read_tables(filled)

    outcome = await run(filled, pace=Pace(jobs=2, page_events=67))

    assert all(comparison.different_rows == 0 for comparison in outcome.comparisons)
    assert read_tables(filled) == before


async def test_a_process_that_lives_on_after_its_parent_writes_nothing_twice(filled: str) -> None:
    # given a copy that went on without one of its processes, which now wants to write its page
    with pytest.raises(Killed):
        await run(filled, story=Story("copy", 2))
    async with session_of(filled) as session:
        state = await session.state()
        assert state is not None
        late, *_ = await session.tasks(state, PACE)
    with pytest.raises(Killed):
        await run(filled, story=Story("index"))

    with pytest.raises(RebuildRefused, match="Another process"):
        await copy_part(late, lambda _events: None)

    await run(filled)
    assert (await findings(filled)).different == 0


async def test_an_event_that_cannot_be_read_is_named_by_whichever_process_meets_it(filled: str) -> None:
    change(filled, "ALTER TABLE stored_events DISABLE TRIGGER USER; UPDATE stored_events SET state = '{'")

    with pytest.raises(RebuildRefused, match="Event 1 of conversation"):
        await run(filled, pace=Pace(jobs=2))

    assert live_tables(filled) == V1


async def test_rows_that_were_wrong_are_right_afterwards_and_the_first_of_them_is_named(filled: str) -> None:
    right = read_tables(filled)
    change(filled, "UPDATE conversation_messages SET content = 'forged' WHERE role = 'user'")

    outcome = await run(filled)

    assert read_tables(filled) == right
    sessions, messages = outcome.comparisons
    assert sessions.different_rows == 0
    assert messages.different_rows > 0
    assert messages.first_difference is not None


async def test_a_difference_can_be_asked_to_stop_it(filled: str) -> None:
    change(filled, "DELETE FROM conversation_messages WHERE role = 'user'")
    wrong = read_tables(filled)

    with pytest.raises(RebuildRefused, match="differ"):
        await run(filled, Wish(projections=BOTH, only_if_equal=True))

    assert live_tables(filled) == V1
    assert read_tables(filled) == wrong
    # and it can be dropped, or gone on with
    async with session_of(filled) as session:
        await session.abandon()
    assert numbered_tables(filled) == V1


async def test_a_rollback_brings_the_old_tables_up_to_date_first(filled: str) -> None:
    await run(filled)
    await fill(filled, EVENTS)
    await project_stored_events(filled)
    now = read_tables(filled)

    await run(filled, ROLLBACK)

    assert live_tables(filled) == V1
    assert read_tables(filled) == now
    # and back again
    await run(filled, ROLLBACK)
    assert live_tables(filled) == V2
    assert read_tables(filled) == now


async def test_the_tables_before_the_last_are_not_kept(filled: str) -> None:
    await run(filled)
    await run(filled)

    assert numbered_tables(filled) == V2 | {"conversation_sessions_v3", "conversation_messages_v3"}


async def test_a_rollback_takes_back_the_last_rebuild_alone(filled: str) -> None:
    await run(filled)
    await fill(filled, EVENTS)
    await project_stored_events(filled)
    await run(filled, Wish(projections=("messages",)))

    await run(filled, ROLLBACK)

    assert live_tables(filled) == V2


async def test_without_an_earlier_rebuild_there_is_nothing_to_go_back_to(filled: str) -> None:
    with pytest.raises(RebuildRefused, match="nothing was rebuilt"):
        await run(filled, ROLLBACK)


async def test_one_process_rebuilds_at_a_time(filled: str) -> None:
    async with session_of(filled):
        with pytest.raises(RebuildRefused, match="Another process"):
            await run(filled)


async def test_another_wish_waits_for_the_rebuild_under_way(filled: str) -> None:
    with pytest.raises(Killed):
        await run(filled, story=Story("copy", 2))

    with pytest.raises(RebuildRefused, match="sessions and messages is under way"):
        await run(filled, Wish(projections=("messages",)))


@pytest.mark.parametrize(
    "damage",
    ["UPDATE stored_events SET topic = 'mind_read.v1'", "UPDATE stored_events SET state = '{'"],
    ids=["unknown", "corrupt"],
)
async def test_an_event_that_cannot_be_read_fails_it_loudly(filled: str, damage: str) -> None:
    before = read_tables(filled)
    change(filled, f"ALTER TABLE stored_events DISABLE TRIGGER USER; {damage} WHERE notification_id = 25")

    with pytest.raises(RebuildRefused, match="Event"):
        await run(filled)

    assert live_tables(filled) == V1
    assert read_tables(filled) == before


async def test_an_event_that_cannot_become_rows_fails_it_loudly(filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_tables(filled)

    def broken(_recorded: RecordedEvent) -> Iterator[Change]:
        raise ZeroDivisionError

    monkeypatch.setattr(whole, "PROJECTIONS", (broken,))

    with pytest.raises(RebuildRefused, match=r"Event 1 of conversation .* ZeroDivisionError"):
        await run(filled)

    assert live_tables(filled) == V1
    assert read_tables(filled) == before


async def test_parked_conversations_are_whole_again_and_parked_no_more(filled: str) -> None:
    # given a conversation that was parked before its third event, which can be read now
    parked = (
        "INSERT INTO projection_dead_letters"
        " (checkpoint, conversation_id, tenant_id, version, position, reason, error)"
        " SELECT 'conversations', originator_id, tenant_id, 3, notification_id, 'corrupt_event', 'x'"
        " FROM stored_events WHERE originator_version = 3 LIMIT 1"
    )
    change(filled, parked)
    change(
        filled,
        "UPDATE conversation_sessions SET version = 2"
        " WHERE id IN (SELECT conversation_id FROM projection_dead_letters)",
    )

    await run(filled)

    found = await findings(filled)
    assert (found.parked, found.different) == (0, 0)
    async with PostgresProjectionStore(filled).session() as session:
        checkpoint = await session.checkpoint()
    assert checkpoint.parked == frozenset()
    assert checkpoint.revision == 1


async def test_readers_that_never_pause_are_let_through_between_attempts_to_swap(
    filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_tables, "LOCK_TIMEOUT_S", 0.05)
    story = Story()
    with psycopg.connect(filled) as reader:
        reader.execute("SELECT count(*) FROM conversation_messages")  # in a transaction that stays open
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run, filled, ALL, story)
            with anyio.fail_after(30):
                while not story.waits:  # noqa: ASYNC110 - told by a callback
                    await anyio.sleep(0.01)
            assert live_tables(filled) == V1
            reader.commit()

    assert live_tables(filled) == V2


async def test_a_runner_that_writes_all_the_while_loses_nothing(filled: str) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(project_for_ever, filled)

        async def go_on_storing() -> None:
            while True:
                await fill(filled, 40)

        tasks.start_soon(go_on_storing)
        for _ in range(3):
            await run(filled)
        tasks.cancel_scope.cancel()

    await project_stored_events(filled)
    found = await findings(filled)
    assert found.different == 0
    assert found.events > EVENTS


async def test_a_checkpoint_beyond_the_last_event_is_put_right(filled: str) -> None:
    # given a store that was restored to an earlier point than its tables
    change(filled, "UPDATE projection_checkpoints SET position = position + 1000 WHERE name = 'conversations'")

    await run(filled)

    await fill(filled, EVENTS)
    await project_stored_events(filled)
    assert (await findings(filled)).events > EVENTS
    assert (await findings(filled)).different == 0


async def test_what_somebody_built_upon_a_table_kept_for_rollback_is_named(filled: str) -> None:
    await run(filled)
    change(filled, "CREATE VIEW theirs AS SELECT id FROM conversation_messages_v1")

    with pytest.raises(RebuildRefused, match="theirs"):
        await run(filled)

    assert live_tables(filled) == V2


async def test_views_upon_the_views_show_the_new_tables(filled: str) -> None:
    change(filled, "CREATE VIEW theirs AS SELECT count(*) AS messages FROM conversation_messages")

    await run(filled)

    change(filled, "DELETE FROM conversation_messages_v1")
    with psycopg.connect(filled) as connection:
        assert connection.execute("SELECT messages > 0 FROM theirs").fetchone() == (True,)
