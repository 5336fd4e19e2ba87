"""An import of an older database as a real process: killed in the middle, and beside a running service."""

import asyncio
import os
import subprocess
import sys
from typing import Final

import pytest

from tests.support.append_lock import AppendGate
from tests.support.legacy_databases import OLDER_SHAPE, fill
from tests.support.rest import CONVERSATIONS
from tests.support.server import http_client, running_server
from tests.support.transfer import rows

PATIENCE_S: Final = 60.0
SESSIONS: Final = 600
"""More than are written at a time, and than are read at a time."""

MESSAGES_OF_EACH: Final = 2

MANY_SESSIONS: Final = f"""
TRUNCATE conversation_sessions, conversation_messages;
INSERT INTO conversation_sessions
    SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'ada', '2024-01-01', '2024-01-02', FALSE
    FROM generate_series(1, {SESSIONS}) AS n;
INSERT INTO conversation_messages
    SELECT gen_random_uuid(), id, NULL, CASE WHEN n % 2 = 1 THEN 'user' ELSE 'agent' END, 'word ' || n, NULL, NULL,
        session_start + n * interval '1 second'
    FROM conversation_sessions, generate_series(1, {MESSAGES_OF_EACH}) AS n;
"""
EVENTS: Final = SESSIONS * (MESSAGES_OF_EACH + 2)


@pytest.fixture
def older(empty_database: str) -> str:
    fill(empty_database, OLDER_SHAPE + MANY_SESSIONS)
    return empty_database


def importing(dsn: str, older: str) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "app", "import", "legacy", "--from-dsn", older],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "DATABASE_URL": dsn},
    )


async def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit status and all that it said."""
    said, _ = await asyncio.to_thread(process.communicate, timeout=PATIENCE_S)
    return process.returncode, said


def stored_events(dsn: str) -> int:
    return int(rows(dsn, "SELECT count(*) FROM stored_events")[0][0])


async def test_an_import_that_is_killed_is_finished_by_the_next(database: str, older: str) -> None:
    with AppendGate(database) as gate:
        process = importing(database, older)
        await gate.let_one_pass()
        await gate.let_one_pass()
        stored = stored_events(database)
        process.kill()
        process.communicate(timeout=PATIENCE_S)
    assert 0 < stored < EVENTS

    status, said = await finished(importing(database, older))

    assert status == 0, said
    assert stored_events(database) == EVENTS
    topics = "SELECT originator_id, array_agg(topic ORDER BY originator_version) FROM stored_events GROUP BY 1"
    assert {len(of_one) for _, of_one in rows(database, topics)} == {MESSAGES_OF_EACH + 2}


async def test_an_older_database_that_goes_away_ends_the_import_with_a_sentence_and_the_next_goes_on(
    database: str, older: str
) -> None:
    with AppendGate(database) as gate:
        process = importing(database, older)
        await gate.let_one_pass()
        reader = "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        assert rows(older, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {reader}") == [(True,)]
    status, said = await finished(process)

    assert status == 1
    assert "Error: The older tables cannot be read" in said
    assert "Traceback" not in said
    assert 0 < stored_events(database) < EVENTS
    status, said = await finished(importing(database, older))
    assert status == 0, said
    assert stored_events(database) == EVENTS


async def test_a_running_service_shows_what_is_imported_beside_it(database: str, older: str) -> None:
    async with running_server(database) as server, http_client(server) as http:
        status, said = await finished(importing(database, older))
        assert status == 0, said

        head = str(await server.head_position())
        answer = await http.get(CONVERSATIONS, params={"user_id": "ada", "limit": "100", "min_position": head})

        assert answer.status_code == 200
        counts = [(row["is_active"], row["message_count"]) for row in answer.json()["data"]]
        assert counts == [(False, MESSAGES_OF_EACH)] * 100
