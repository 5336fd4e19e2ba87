"""A range of time is counted by what it holds, not by what the store holds: judged by rows and pages, not by times."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import psycopg
import pytest

from adapters.postgres.statements import statement
from tests.support.decider import NOON, TENANT_ID
from tests.support.postgres import TestDatabases

EVENTS: Final = 100_000
DAY: Final = timedelta(days=1)
FILL: Final = """
INSERT INTO stored_events (originator_id, originator_version, topic, state, tenant_id, recorded_at)
SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n / 20), 12, '0'))::uuid, n % 20 + 1,
       (ARRAY['user_message_received', 'response_started', 'tool_call_started', 'response_completed'])[n % 4 + 1]
           || '.v1',
       convert_to('{"data":{"turn":1},"text":"' || repeat('x', 300) || '"}', 'UTF8'),
       %(tenant_id)s, %(noon)s + n * interval '100 s'
FROM generate_series(0, %(events)s - 1) AS n
"""
FILL_SESSIONS: Final = """
INSERT INTO conversation_sessions
    (id, tenant_id, policies, state, started_at, created_at, last_activity_at, version, ended_at, ended_reason)
SELECT gen_random_uuid(), %(tenant_id)s, '{}', 'ENDED', %(noon)s + n * interval '1000 s', %(noon)s, %(noon)s, 1,
       %(noon)s + n * interval '1000 s' + interval '60 s', 'user_ended'
FROM generate_series(0, 9999) AS n
"""
A_DAY_OF_EVENTS: Final = 864
PAGES_OF_A_TURN: Final = 16
"""Two lookups by the primary key, each a few pages of the index and one or two of the table."""

A_RANGE_OF_THE_INDEX: Final = 128
"""Pages that it knows together."""


@pytest.fixture(scope="module")
def filled(test_databases: TestDatabases) -> Iterator[psycopg.Connection]:
    """A hundred thousand events in the order of time, and ten thousand conversations that have ended."""
    with test_databases.clone() as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        given = {"tenant_id": TENANT_ID, "noon": NOON, "events": EVENTS}
        psycopg.ClientCursor(connection).execute(FILL.replace(" % ", " %% "), given)
        psycopg.ClientCursor(connection).execute(FILL_SESSIONS, given)
        connection.execute("VACUUM ANALYZE stored_events, conversation_sessions_v1")
        yield connection


def carried_out(connection: psycopg.Connection, query: str, **parameters: object) -> dict[str, Any]:
    """The plan of the query with what it read."""
    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}".encode()
    row = psycopg.ClientCursor(connection).execute(explain, parameters).fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The plan and all below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes_of(below)


def pages_of(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def test_the_turns_of_a_day_are_found_by_their_time(filled: psycopg.Connection) -> None:
    query = "SELECT * FROM turn_latencies WHERE user_message_at >= %(since)s AND user_message_at < %(until)s"
    since = NOON + 50 * DAY

    plan = carried_out(filled, query, since=since, until=since + DAY)

    nodes = list(nodes_of(plan))
    assert plan["Actual Rows"] == A_DAY_OF_EVENTS / 4
    assert "stored_events_recorded_at_idx" in {node.get("Index Name") for node in nodes}
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan" and node["Relation Name"] == "stored_events"]
    assert pages_of(plan) < PAGES_OF_A_TURN * A_DAY_OF_EVENTS / 4 + 3 * A_RANGE_OF_THE_INDEX


def test_the_statement_of_the_endpoint_reads_the_range_alone(filled: psycopg.Connection) -> None:
    since = NOON + 50 * DAY
    given = {"tenant_id": TENANT_ID, "since": since, "until": since + DAY, "user_id": None, "agent": None}

    filled.execute("SET enable_seqscan = off")  # as the service has it
    plan = carried_out(filled, statement("statistics_turns"), **given)
    sessions = carried_out(filled, statement("statistics_sessions"), **given)
    filled.execute("RESET enable_seqscan")

    assert pages_of(plan) < PAGES_OF_A_TURN * A_DAY_OF_EVENTS / 4 + 3 * A_RANGE_OF_THE_INDEX
    assert not [node for node in nodes_of(sessions) if node["Node Type"] == "Seq Scan"]
    assert pages_of(sessions) < A_RANGE_OF_THE_INDEX


def test_how_much_can_be_counted_is_found_without_reading_everything(filled: psycopg.Connection) -> None:
    query = "SELECT turnlog_countable_since(%(since)s, %(until)s, 1000)"

    plan = carried_out(filled, query, since=NOON, until=NOON + 365 * DAY)

    pages_of_all = carried_out(filled, "SELECT count(*) FROM stored_events")
    assert pages_of(plan) < pages_of(pages_of_all)


def test_the_days_of_a_week_are_found_by_their_days(filled: psycopg.Connection) -> None:
    query = "SELECT * FROM conversation_statistics WHERE day >= %(since)s AND day < %(until)s"
    since = (NOON + 50 * DAY).date()

    plan = carried_out(filled, query, since=since, until=since + 7 * DAY)

    nodes = list(nodes_of(plan))
    assert plan["Actual Rows"] == 7
    used = {node.get("Index Name") for node in nodes}
    assert {"conversation_sessions_v1_started_day_idx", "conversation_sessions_v1_ended_day_idx"} <= used
    assert "Seq Scan" not in {node["Node Type"] for node in nodes}
