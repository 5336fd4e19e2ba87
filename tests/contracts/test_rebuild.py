"""A rebuild of the read tables on Postgres: what it makes, what it keeps, and how it is taken back."""

import psycopg
import pytest

from adapters.postgres.projection_store import PostgresProjectionStore
from adapters.postgres.rebuild import store as rebuild_store
from app.operations.rebuild.rebuilding import Wish
from benchmarks.history import fill
from projections.rebuilding import RebuildRefused
from tests.support.read_tables import (
    findings,
    live_tables,
    numbered_tables,
    project_stored_events,
    read_tables,
)
from tests.support.rebuilding import BOTH, EVENTS, ROLLBACK, V1, V2, change, run, session_of


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


async def test_a_checkpoint_beyond_the_last_event_is_put_right(filled: str) -> None:
    # given a store that was restored to an earlier point than its tables
    change(filled, "UPDATE projection_checkpoints SET position = position + 1000 WHERE name = 'conversations'")

    await run(filled)

    await fill(filled, EVENTS)
    await project_stored_events(filled)
    assert (await findings(filled)).events > EVENTS
    assert (await findings(filled)).different == 0


async def test_views_upon_the_views_show_the_new_tables(filled: str) -> None:
    change(filled, "CREATE VIEW theirs AS SELECT count(*) AS messages FROM conversation_messages")

    await run(filled)

    change(filled, "DELETE FROM conversation_messages_v1")
    with psycopg.connect(filled) as connection:
        assert connection.execute("SELECT messages > 0 FROM theirs").fetchone() == (True,)
