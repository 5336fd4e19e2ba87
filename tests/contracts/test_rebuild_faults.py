"""A rebuild that is killed, refused or kept waiting, and whom it never disturbs."""

from collections.abc import Iterator

import anyio
import psycopg
import pytest

from adapters.postgres.rebuild import live as held_tables
from adapters.postgres.rebuild import store as rebuild_store
from adapters.postgres.rebuild.parts import copy_part
from app.operations.rebuild.rebuilding import Wish
from benchmarks.history import fill
from domain.ports import RecordedEvent
from projections import whole
from projections.changes import Change
from projections.rebuilding import Pace, RebuildRefused
from tests.support.read_tables import (
    findings,
    live_tables,
    numbered_tables,
    project_for_ever,
    project_stored_events,
    read_tables,
)
from tests.support.rebuilding import ALL, EVENTS, PACE, V1, V2, Killed, Story, change, run, session_of


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


async def test_what_somebody_built_upon_a_table_kept_for_rollback_is_named(filled: str) -> None:
    await run(filled)
    change(filled, "CREATE VIEW theirs AS SELECT id FROM conversation_messages_v1")

    with pytest.raises(RebuildRefused, match="theirs"):
        await run(filled)

    assert live_tables(filled) == V2
