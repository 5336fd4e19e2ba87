"""`turnlog verify`: whatever is wrong with a row is found, and what is right is never blamed."""

import psycopg
import pytest

from adapters.postgres.evidence import postgres_evidence
from app.operations.verify.verifying import Findings, one, sample, verify
from benchmarks.history import fill
from domain.ids import ConversationId
from tests.support.moments import ANSWERED, END, FAILED, INTERRUPTED
from tests.support.read_tables import findings, project_stored_events
from tests.support.recording import history
from tests.support.stored import store_events

EVENTS = 2_000
CHOSEN = "01000000-0000-7000-8000-000000000001"


@pytest.fixture
async def filled(database: str) -> str:
    """Projected conversations of several tenants, one of them cut short by a barge-in."""
    store_events(database, history((*INTERRUPTED, END)))
    await fill(database, EVENTS)
    await project_stored_events(database)
    return database


def change(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert connection.execute(statement.encode()).rowcount > 0


async def test_rows_that_a_projection_has_written_are_right(filled: str) -> None:
    found = await findings(filled)

    assert found.different == 0
    assert found.first is None
    assert found.events > EVENTS
    assert found.conversations > 5


ONE_SESSION = "WHERE id = (SELECT max(id::text)::uuid FROM conversation_sessions)"
ONE_MESSAGE = "WHERE id = (SELECT max(id::text)::uuid FROM conversation_messages WHERE role = 'assistant')"


@pytest.mark.parametrize(
    ("damage", "table", "column"),
    [
        (
            f"UPDATE conversation_sessions SET message_count = 99 {ONE_SESSION}",
            "conversation_sessions",
            "message_count",
        ),
        (f"UPDATE conversation_sessions SET version = version - 1 {ONE_SESSION}", "conversation_sessions", "version"),
        (f"UPDATE conversation_sessions SET metadata = '{{}}' {ONE_SESSION}", "conversation_sessions", "metadata"),
        (f"UPDATE conversation_sessions SET state = 'SPEAKING' {ONE_SESSION}", "conversation_sessions", "state"),
        (f"DELETE FROM conversation_sessions {ONE_SESSION}", "conversation_sessions", "row"),
        (f"UPDATE conversation_messages SET content = 'forged' {ONE_MESSAGE}", "conversation_messages", "content"),
        (
            f"UPDATE conversation_messages SET feedback_rating = 1 {ONE_MESSAGE}",
            "conversation_messages",
            "feedback_rating",
        ),
        (f"UPDATE conversation_messages SET output_tokens = 1 {ONE_MESSAGE}", "conversation_messages", "usage"),
        (f"DELETE FROM conversation_messages {ONE_MESSAGE}", "conversation_messages", "row"),
    ],
)
async def test_one_damaged_row_is_found_and_named(filled: str, damage: str, table: str, column: str) -> None:
    change(filled, damage)

    found = await findings(filled)

    assert found.different == 1
    assert found.first is not None
    assert (found.first.table, found.first.column) == (table, column)


async def test_rows_that_no_event_has_made_are_found(filled: str) -> None:
    change(
        filled,
        f"INSERT INTO conversation_sessions (id, tenant_id, policies, state, started_at, created_at, last_activity_at, "
        f"version) SELECT '{CHOSEN}', tenant_id, policies, state, started_at, created_at, last_activity_at, version "
        f"FROM conversation_sessions {ONE_SESSION}",
    )

    found = await findings(filled)

    assert found.different == 1
    assert found.first is not None
    assert found.first.conversation_id == CHOSEN
    assert found.first.expected is None


async def test_events_that_the_tables_have_not_come_to_are_not_missed(filled: str) -> None:
    await fill(filled, EVENTS)

    assert (await findings(filled)).different == 0


async def test_one_conversation_or_a_sample_can_be_looked_at(filled: str) -> None:
    with psycopg.connect(filled) as connection:
        rows = connection.execute("SELECT id::text FROM conversation_sessions ORDER BY id").fetchall()
    damaged = ConversationId(rows[3][0])
    change(filled, f"UPDATE conversation_messages SET content = 'forged' WHERE session_id = '{damaged}'")

    async def look_at(conversation_id: str) -> Findings:
        async with postgres_evidence(filled) as source:
            return await verify(source, one(source, ConversationId(conversation_id)), lambda _findings, _total: None)

    assert (await look_at(damaged)).different == 1
    for other in (rows[2][0], rows[4][0]):
        found = await look_at(other)
        assert (found.conversations, found.different) == (1, 0)
    async with postgres_evidence(filled) as source:
        found = await verify(source, sample(source, 500), lambda _findings, _total: None)
    assert found.conversations > 1
    assert found.different == 1


async def test_a_parked_conversation_is_left_out_and_counted(filled: str) -> None:
    with psycopg.connect(filled, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO projection_dead_letters"
            " (checkpoint, conversation_id, tenant_id, version, position, reason, error)"
            " SELECT 'conversations', id, tenant_id, 1, 1, 'corrupt_event', 'x' FROM conversation_sessions LIMIT 1"
        )
        connection.execute(
            "UPDATE conversation_sessions SET version = 99"
            " WHERE id IN (SELECT conversation_id FROM projection_dead_letters)"
        )

    found = await findings(filled)

    assert (found.parked, found.different) == (1, 0)


@pytest.mark.parametrize("moment", [ANSWERED, FAILED, INTERRUPTED, (*ANSWERED, END)])
async def test_the_fold_agrees_in_every_state(database: str, moment: tuple[object, ...]) -> None:
    store_events(database, history(moment))  # type: ignore[arg-type] # events, told apart by the moments' own tests
    await project_stored_events(database)

    assert (await findings(database)).different == 0
    assert (await findings(database)).conversations == 1
