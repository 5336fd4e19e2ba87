"""The page on SQL says what is there: every column, and queries that run as they are written and find something."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg
import pytest
from msgspec.structs import replace

from adapters.postgres.projection_store import PostgresProjectionStore
from domain.conversation import events as e
from domain.conversation.values import Policies, Usage
from domain.ids import ConversationId
from domain.ports import RecordedEvent
from tests.support.decider import TENANT_ID, numbered_uuid
from tests.support.moments import ANSWER, ANSWER_ID, BARGE_IN, CRASH, END, QUESTION, RESPONSE
from tests.support.postgres import TestDatabases
from tests.support.recording import recorded
from tests.support.stored_histories import project_events, store_events

PAGE: Final = (Path(__file__).parents[2] / "docs/how-to/ask-in-sql.md").read_text(encoding="utf-8")
ROLE, *QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
COLUMNS: Final = {
    table: re.findall(r"^\| `(\w+)` \| [^|]+ \|$", text, re.MULTILINE)
    for table, text in re.findall(r"^## `(\w+)`: [^\n]+\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}

START: Final = e.ConversationStarted(tenant_id=TENANT_ID, user_id="u", agent="concierge", policies=Policies())
GIVEN: Final[tuple[tuple[e.Event, ...], ...]] = (
    (START, QUESTION, RESPONSE, replace(ANSWER, usage=Usage(input_tokens=7, output_tokens=3)), END),
    (START, QUESTION, RESPONSE, ANSWER, e.FeedbackRecorded(message_id=ANSWER_ID, rating=-1, comment="No.")),
    (START, QUESTION, RESPONSE, replace(BARGE_IN, generated_text="At seven or at eight?", heard_text="At seven")),
    (START, QUESTION, CRASH),
)


def given_history() -> list[RecordedEvent]:
    """Four conversations, two hours ago."""
    at = datetime.now(UTC) - timedelta(hours=2)
    return [
        recorded(
            event,
            version,
            at=at + timedelta(seconds=version),
            conversation_id=ConversationId(numbered_uuid(0xC0000 + number)),
        )
        for number, events in enumerate(GIVEN)
        for version, event in enumerate(events, start=1)
    ]


@pytest.fixture(scope="module")
async def given_database(test_databases: TestDatabases) -> AsyncIterator[str]:
    with test_databases.clone() as dsn:
        events = given_history()
        with psycopg.connect(dsn) as connection:
            store_events(connection, events)
        await project_events(PostgresProjectionStore(dsn), events)
        yield dsn


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
async def test_the_queries_run_as_written_for_a_role_that_can_only_read(given_database: str, query: str) -> None:
    with psycopg.connect(given_database) as connection:
        connection.execute(ROLE.encode())
        connection.execute("SET LOCAL ROLE analyst")
        rows = connection.execute(query.encode()).fetchall()
        connection.rollback()

    assert rows
    assert any(value is not None for value in rows[0])


def test_there_are_ten_questions_and_more() -> None:
    assert len(QUERIES) >= 10


@pytest.mark.parametrize("table", COLUMNS)
async def test_every_column_is_told(given_database: str, table: str) -> None:
    with psycopg.connect(given_database) as connection:
        query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position"
        there = [name for (name,) in connection.execute(query, [table])]

    assert COLUMNS[table] == there


def test_all_four_are_told() -> None:
    assert list(COLUMNS) == [
        "conversation_sessions",
        "conversation_messages",
        "turn_latencies",
        "conversation_statistics",
    ]
