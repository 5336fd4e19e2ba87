"""Older databases as they are met: real tables in Postgres, and real dumps of them."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import psycopg
from click.testing import CliRunner, Result

from adapters.embedded import EmbeddedPostgres
from app.cli import main
from tests.support.transfer import rows

OLDER_SHAPE: Final = """
CREATE TABLE conversation_sessions (
    id uuid PRIMARY KEY, user_id varchar(64), session_start timestamp, session_end timestamp,
    is_active boolean DEFAULT TRUE, metadata jsonb DEFAULT '{}', created_at timestamp DEFAULT now());
CREATE TABLE conversation_messages (
    id uuid PRIMARY KEY, session_id uuid, user_id varchar(64), role varchar(20), content text, audio_url text,
    metadata jsonb DEFAULT '{}', created_at timestamp);
INSERT INTO conversation_sessions VALUES
    ('11111111-1111-4111-8111-111111111111', 'ada', '2024-01-01 10:00', '2024-01-01 10:30', FALSE,
     '{"plan": "gold", "seats": 3}', '2024-01-01 10:00'),
    ('22222222-2222-4222-8222-222222222222', NULL, '2024-01-02 09:00', NULL, TRUE, NULL, '2024-01-02 09:00'),
    ('33333333-3333-4333-8333-333333333333', 'bob', '2024-01-03 09:00', '2024-01-03 08:00', TRUE, '[]', NULL),
    ('44444444-4444-4444-8444-444444444444', 'eve', NULL, NULL, FALSE, '{}', '2024-01-04 07:00');
INSERT INTO conversation_messages VALUES
    ('a1111111-1111-4111-8111-111111111111', '11111111-1111-4111-8111-111111111111', NULL, 'user',
     E'It''s a "test";\\n-- not a comment \\\\. \\t$$', NULL, '{}', '2024-01-01 10:00:01'),
    ('a2111111-1111-4111-8111-111111111111', '11111111-1111-4111-8111-111111111111', NULL, 'agent', 'Grüß Gott 🙂',
     'https://example.org/a.wav', '{"a": [1, {"b": null}]}', '2024-01-01 10:00:02'),
    ('b1111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222', 'carl', 'user', 'Anybody?', NULL,
     NULL, '2024-01-02 09:05'),
    ('c1111111-1111-4111-8111-111111111111', '99999999-9999-4999-8999-999999999999', 'dora', 'user', 'Lost', NULL,
     NULL, '2024-01-05 09:05');
"""
"""`session_start`, `session_end`, `is_active`; ids are UUIDs."""

NEWER_SHAPE: Final = """
CREATE TYPE speaker AS ENUM ('human', 'ai', 'narrator');
CREATE TABLE conversation_sessions (
    id bigserial PRIMARY KEY, session_id varchar(64), user_id text, started_at timestamptz, ended_at timestamptz,
    duration_seconds numeric(12, 3), held_for interval, metadata text, message_count int DEFAULT 0,
    "Mood; of (all)" text);
CREATE TABLE conversation_messages (
    id serial PRIMARY KEY, session_id bigint, user_id text, role speaker, content text, metadata json,
    created_at timestamptz DEFAULT now());
INSERT INTO conversation_sessions (session_id, user_id, started_at, ended_at, duration_seconds, metadata,
    "Mood; of (all)") VALUES
    ('AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA', 'ada', '2024-02-01 10:00+01', '2024-02-01 10:10+01', 600, 'plain', 'calm'),
    ('call-7', 'bob', '2024-02-02 10:00+01', NULL, 90.5, '{"k": "v"}', NULL),
    ('call-8', NULL, '2024-02-03 10:00+01', NULL, NULL, NULL, NULL);
INSERT INTO conversation_messages (session_id, user_id, role, content, metadata, created_at)
    SELECT 1 + n / 20, NULL, (ARRAY['human', 'ai', 'narrator'])[1 + n % 3]::speaker, 'word ' || n, NULL,
        '2024-02-01 10:00+01'::timestamptz + n / 20 * interval '1 day' + interval '1 second'
    FROM generate_series(0, 59) AS n;
INSERT INTO conversation_messages (session_id, role, content, metadata, created_at)
    VALUES (NULL, 'human', 'Whose?', '{"nul": "a\\u0000b"}', '2024-02-09 10:00+01');
"""
"""`started_at`, `ended_at`, `duration_seconds`; ids are numbers, and clients know sessions by their `session_id`."""


def fill(dsn: str, script: str) -> None:
    """Run a script in the database."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(script.encode())


def dump(server: EmbeddedPostgres, dsn: str, path: Path, *options: str) -> Path:
    """What pg_dump makes of the database."""
    program = server.bin_dir / "pg_dump"
    subprocess.run([program, f"--dbname={dsn}", f"--file={path}", *options], check=True, capture_output=True)
    return path


def import_legacy(dsn: str, *words: str) -> Result:
    """Run `turnlog import legacy` for this database of Turnlog's."""
    return _run(dsn, "import", "legacy", *words)


def verify(dsn: str) -> Result:
    """Whether the rows are what the events say."""
    return _run(dsn, "verify")


def _run(dsn: str, *words: str) -> Result:
    return CliRunner().invoke(main, words, env={"DATABASE_URL": dsn})


def stored(dsn: str) -> list[tuple[Any, ...]]:
    """What every event says, and when; its own id is another in every import."""
    told = "convert_from(state, 'UTF8')::jsonb #- '{event_id}'"
    return rows(dsn, f"SELECT originator_id, originator_version, topic, {told} FROM stored_events ORDER BY 1, 2")


def report_of(dsn: str, folder: Path, *words: str) -> dict[str, Any]:
    """Import, and read the report."""
    path = folder / "report.json"
    answer = import_legacy(dsn, *words, "--report", str(path))
    assert answer.exit_code == 0, answer.output
    report = json.loads(path.read_text())
    assert isinstance(report, dict)
    return report
