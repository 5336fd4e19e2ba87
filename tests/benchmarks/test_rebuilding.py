"""What judges the tables that others make."""

import psycopg
import pytest

from benchmarks.filled import fill_database
from benchmarks.rebuilding import plain_sql
from benchmarks.rebuilding.events import end_of, head_position
from benchmarks.rebuilding.plan import scale_of
from benchmarks.rebuilding.tables import create_tables, refuse_what_differs
from benchmarks.subject import BenchmarkError

EVENTS = 2_000
DAMAGES = [
    "UPDATE made_sessions SET turn_count = turn_count + 1 WHERE id = (SELECT min(id::text)::uuid FROM made_sessions)",
    "DELETE FROM made_messages WHERE version = 3",
    (
        "INSERT INTO made_messages (id, session_id, tenant_id, role, content, created_at, version) "
        "SELECT gen_random_uuid(), session_id, tenant_id, role, content, created_at, 99 FROM made_messages LIMIT 1"
    ),
]


@pytest.fixture
async def filled(empty_database: str) -> str:
    await fill_database(empty_database, EVENTS, lambda _step: None)
    await create_tables(empty_database)
    return empty_database


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_row_that_differs_is_refused(filled: str, damage: str) -> None:
    # given the tables that plain SQL makes, which nothing is wrong with
    await plain_sql.subject().measure(filled, EVENTS, 0)
    # when one row of them is another
    with psycopg.connect(filled, autocommit=True) as connection:
        connection.execute(damage.encode())
    # then it is seen
    with pytest.raises(BenchmarkError, match="are not those of Turnlog"):
        await refuse_what_differs(filled, await head_position(filled))


async def test_the_first_conversations_end_where_the_next_begin(filled: str) -> None:
    position, events = await end_of(filled, 100)

    assert position == await head_position(filled)
    assert EVENTS - 100 < events <= EVENTS


def test_events_are_rounded_up_to_whole_conversations() -> None:
    scale = scale_of(4_001, quick=False)

    assert (scale.events, scale.catch_up_events, scale.library_events) == (6_000, 6_000, 6_000)
