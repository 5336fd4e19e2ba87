"""The statements of the documents that this project starts from run as they were written, and by their indexes."""

import re
from collections.abc import Mapping
from datetime import timedelta

import psycopg
import pytest

from adapters.postgres.projection_store import PostgresProjectionStore
from adapters.postgres.statements import statement
from domain.conversation import events as e
from domain.conversation.values import Policies
from tests.contracts.projection_store_cases import page
from tests.support.decider import CONVERSATION_ID, NOON, TENANT_ID, message_id
from tests.support.projecting import take_lead
from tests.support.recording import OTHER_CONVERSATION_ID, recorded

STARTED = e.ConversationStarted(tenant_id=TENANT_ID, user_id="u", policies=Policies())
HELLO = e.MessageRecorded(message_id=message_id(1), role="user", content="Hello")
END = e.ConversationEnded(ended_reason="user_ended")


@pytest.fixture
async def connection(database: str) -> psycopg.Connection:
    """One conversation ended after 90.5 s, and one that is still active."""
    events = [
        recorded(STARTED, 1),
        recorded(HELLO, 2),
        recorded(END, 3, at=NOON + timedelta(seconds=90, milliseconds=500)),
        recorded(STARTED, 1, conversation_id=OTHER_CONVERSATION_ID),
    ]
    async with PostgresProjectionStore(database).session() as session:
        await take_lead(session)
        await session.write(page(events))
    return psycopg.connect(database, autocommit=True)


async def test_the_original_questions_have_their_answers(connection: psycopg.Connection) -> None:
    with connection:
        for question, answer in {
            "SELECT count(*) FROM conversation_sessions WHERE is_active = TRUE AND started_at < '2026-07-02'": 1,
            "SELECT AVG(duration_seconds) FROM conversation_sessions": 90.5,
            "SELECT duration_seconds FROM conversation_sessions WHERE is_active = FALSE": 90.5,
            "SELECT count(*) FROM conversation_sessions WHERE id = session_id": 2,
            "SELECT sum(message_count) FROM conversation_sessions WHERE user_id = 'u'": 1,
            "SELECT m.content FROM conversation_messages m JOIN conversation_sessions s USING (session_id)": "Hello",
            "SELECT user_id FROM conversation_messages WHERE role = 'user'": "u",
            "SELECT ended_reason FROM conversation_sessions WHERE ended_at IS NOT NULL": "user_ended",
        }.items():
            assert connection.execute(question).fetchone() == (answer,), question


HOT_QUESTIONS = {
    "WHERE is_active = TRUE AND started_at < now() - interval '1 hour'": "conversation_sessions_v1_(active|living)_idx",
    "WHERE is_active = FALSE AND ended_at > '2026-07-04'": "conversation_sessions_v1_ended_idx",
    "WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s": "conversation_sessions_v1_user_idx",
}
NO_FILTER = dict.fromkeys(
    ("user_id", "state", "is_active", "started_from", "started_until", "ended_from", "ended_until", "metadata")
)
NO_CURSOR = dict.fromkeys(("cursor_id", "cursor_started_at", "cursor_version"))
ASKED = {**NO_FILTER, **NO_CURSOR, "tenant_id": TENANT_ID, "session_id": CONVERSATION_ID, "role": None, "limit": 20}
BEHIND_A_ROW = {"cursor_id": CONVERSATION_ID, "cursor_started_at": NOON + timedelta(hours=20)}


@pytest.fixture
def many(database: str) -> psycopg.Connection:
    """Ten thousand ended conversations of a thousand users, a hundred active ones, and a long conversation."""
    connection = psycopg.connect(database, autocommit=True)
    connection.execute(
        """
        INSERT INTO conversation_sessions
            (id, tenant_id, user_id, policies, state, started_at, created_at, last_activity_at, version, ended_at)
        SELECT gen_random_uuid(), %(tenant)s, 'user-' || n %% 1000, '{}',
               CASE WHEN n > 9900 THEN 'IDLE' ELSE 'ENDED' END, %(noon)s + n * interval '30 s', now(), now(), 1,
               CASE WHEN n <= 9900 THEN %(noon)s + n * interval '31 s' END
        FROM generate_series(1, 10000) n
        """,
        {"tenant": TENANT_ID, "noon": NOON},
    )
    connection.execute(
        """
        INSERT INTO conversation_messages (id, session_id, tenant_id, role, content, created_at, version)
        SELECT gen_random_uuid(), %(session)s, %(tenant)s, 'user', 'Hi', now(), n FROM generate_series(1, 10000) n
        """,
        {"tenant": TENANT_ID, "session": CONVERSATION_ID},
    )
    connection.execute("ANALYZE conversation_sessions, conversation_messages")
    return connection


def plan_of(connection: psycopg.Connection, query: str, parameters: Mapping[str, object]) -> str:
    """How Postgres would answer."""
    return str(psycopg.ClientCursor(connection).execute(f"EXPLAIN {query}".encode(), parameters).fetchall())


@pytest.mark.parametrize(("query", "index"), HOT_QUESTIONS.items())
async def test_the_hot_questions_have_an_index(many: psycopg.Connection, query: str, index: str) -> None:
    with many:
        plan = plan_of(many, f"SELECT * FROM conversation_sessions {query}", {**ASKED, "user_id": "user-7"})
    assert re.search(index, plan)


@pytest.mark.parametrize(
    ("name", "given", "index"),
    [
        ("list_conversations_newest_first", {}, "conversation_sessions_v1_newest_idx"),
        ("list_conversations_newest_first", BEHIND_A_ROW, "conversation_sessions_v1_newest_idx"),
        ("list_conversations_oldest_first", BEHIND_A_ROW, "conversation_sessions_v1_newest_idx"),
        ("list_conversations_newest_first", {"user_id": "user-7"}, "conversation_sessions_v1_user_idx"),
        ("list_messages_oldest_first", {"cursor_version": 5_000}, "conversation_messages_v1_version_idx"),
        ("list_messages_newest_first", {}, "conversation_messages_v1_version_idx"),
    ],
)
async def test_a_page_of_a_list_reads_no_more_than_it_gives(
    many: psycopg.Connection, name: str, given: Mapping[str, object], index: str
) -> None:
    with many:
        plan = plan_of(many, statement(name), {**ASKED, **given})
    assert index in plan
    assert "Seq Scan" not in plan
