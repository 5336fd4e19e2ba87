"""Older databases, where they are or as dumps: the same conversations, each once, with rows that are their fold."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.embedded import EmbeddedPostgres
from tests.support.legacy_databases import (
    NEWER_SHAPE,
    OLDER_SHAPE,
    dump,
    fill,
    import_legacy,
    report_of,
    stored,
    verify,
)
from tests.support.postgres import EMPTY, TestDatabases
from tests.support.transfer import given_projected, rows

GOLD: Final = "11111111-1111-4111-8111-111111111111"
NEVER_CLOSED: Final = "22222222-2222-4222-8222-222222222222"
ORPHANED: Final = "99999999-9999-4999-8999-999999999999"
STALE: Final = "WHERE is_active = TRUE AND started_at < now() - interval '1 hour'"


@pytest.fixture(scope="module")
def older(test_databases: TestDatabases) -> Iterator[str]:
    """A database in the older shape; only read."""
    with test_databases.clone(EMPTY) as dsn:
        fill(dsn, OLDER_SHAPE)
        yield dsn


@pytest.fixture(scope="module")
def newer(test_databases: TestDatabases) -> Iterator[str]:
    """A database in the newer shape; only read."""
    with test_databases.clone(EMPTY) as dsn:
        fill(dsn, NEWER_SHAPE)
        yield dsn


def test_the_older_shape_becomes_conversations_that_keep_their_ids(database: str, older: str, tmp_path: Path) -> None:
    report = report_of(database, tmp_path, "--from-dsn", older)
    given_projected(database)

    assert report["conversations"] == {"added": 5, "already_there": 0, "different": 0, "refused": 0}
    assert (report["sessions"]["rows"], report["messages"]["rows"]) == (4, 4)
    repairs = {repaired["rule"]: repaired["examples"] for repaired in report["repairs"]}
    assert repairs["never_closed"] == [NEVER_CLOSED, ORPHANED]
    assert repairs["session_missing"] == [ORPHANED]
    sessions = "SELECT id::text, user_id, is_active, duration_seconds, ended_reason, turn_count, metadata"
    assert rows(database, f"{sessions} FROM conversation_sessions ORDER BY id LIMIT 2") == [
        (GOLD, "ada", False, 1_800.0, "user_ended", 1, {"plan": "gold", "seats": "3"}),
        (NEVER_CLOSED, "carl", False, 300.0, "idle_timeout", 1, {}),
    ]
    said = "SELECT role, content, audio_url, metadata, user_id FROM conversation_messages WHERE session_id = %s"
    assert rows(database, f"{said} ORDER BY version", [GOLD]) == [
        ("user", 'It\'s a "test";\n-- not a comment \\. \t$$', None, {}, "ada"),
        ("assistant", "Grüß Gott 🙂", "https://example.org/a.wav", {"a": '[1,{"b":null}]'}, None),
    ]


def test_the_newer_shape_finds_messages_by_number_and_keeps_the_id_that_clients_know(database: str, newer: str) -> None:
    assert import_legacy(database, "--from-dsn", newer).exit_code == 0
    given_projected(database)

    question = "SELECT metadata->>'legacy_id', duration_seconds, message_count, turn_count"
    assert rows(database, f"{question} FROM conversation_sessions ORDER BY started_at") == [
        ("1", 600.0, 20, 7),
        ("call-7", 90.5, 20, 7),
        ("call-8", 1.0, 20, 6),
        ("no session, user unknown, 2024-02-09", 0.0, 1, 1),
    ]
    known = "SELECT message_count FROM conversation_sessions WHERE id = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa'"
    assert rows(database, known) == [(20,)]
    order = "SELECT array_agg(content ORDER BY m.version) FROM conversation_messages m JOIN conversation_sessions s"
    (words,) = rows(database, f"{order} USING (session_id) WHERE s.metadata->>'legacy_id' = 'call-7'")
    assert words == ([f"word {number}" for number in range(20, 40)],), "numbers go by their value"


@pytest.mark.parametrize("shape", ["older", "newer"])
def test_after_an_import_the_rows_are_the_fold_and_nothing_is_stale(
    database: str, shape: str, request: pytest.FixtureRequest
) -> None:
    assert import_legacy(database, "--from-dsn", request.getfixturevalue(shape)).exit_code == 0
    given_projected(database)

    assert verify(database).exit_code == 0
    assert rows(database, f"SELECT count(*) FROM conversation_sessions {STALE}") == [(0,)]
    assert rows(database, "SELECT count(*) FROM conversation_sessions WHERE duration_seconds < 0") == [(0,)]


@pytest.mark.parametrize("shape", ["older", "newer"])
def test_a_dump_of_any_kind_is_the_same_as_its_database_and_adds_nothing_to_it(
    database: str, shape: str, postgres_server: EmbeddedPostgres, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    dsn = request.getfixturevalue(shape)
    assert import_legacy(database, "--from-dsn", dsn).exit_code == 0
    before = stored(database)
    dumps = [
        dump(postgres_server, dsn, tmp_path / "copy.sql"),
        dump(postgres_server, dsn, tmp_path / "inserts.sql", "--inserts", "--rows-per-insert=7"),
        dump(postgres_server, dsn, tmp_path / "data.sql", "--column-inserts", "--data-only"),
    ]
    packed = tmp_path / "copy.sql.gz"
    packed.write_bytes(gzip.compress(dumps[0].read_bytes()))

    for path in (*dumps, packed):
        report = report_of(database, tmp_path, str(path))

        assert report["conversations"]["added"] == 0, path.name
        assert report["conversations"]["already_there"] == len({row[0] for row in before})
    assert stored(database) == before


def test_a_dump_alone_gives_what_its_database_gives(
    test_databases: TestDatabases, database: str, older: str, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    path = dump(postgres_server, older, tmp_path / "dump.sql", "--inserts")
    with test_databases.clone() as other:
        assert import_legacy(other, "--from-dsn", older).exit_code == 0

        assert import_legacy(database, str(path)).exit_code == 0

        assert stored(database) == stored(other)


def test_a_rehearsal_tells_what_would_come_and_writes_nothing(database: str, older: str, tmp_path: Path) -> None:
    rehearsal = report_of(database, tmp_path, "--from-dsn", older, "--dry-run")
    assert stored(database) == []

    report = report_of(database, tmp_path, "--from-dsn", older)
    again = report_of(database, tmp_path, "--from-dsn", older, "--dry-run")

    assert {**rehearsal, "dry_run": False} == report
    assert again["conversations"] == {"added": 0, "already_there": 5, "different": 0, "refused": 0}


ODD_TYPES: Final = """
CREATE TABLE conversation_sessions (
    id int, user_id bigint, started_at text, duration interval, is_active smallint, status char(8), metadata bytea);
CREATE TABLE conversation_messages (
    conversation_id char(36), message_id bigint, sender text, text json, sent_at double precision, tags text[]);
INSERT INTO conversation_sessions VALUES
    (9, 7, '2024-01-01T10:00:00+01:00', '1 minute 30.5 seconds', 0, 'open', NULL),
    (9, NULL, '2024-01-01T10:00:05+01:00', NULL, NULL, NULL, '\\x00ff'),
    (10, 7, 'yesterday', NULL, NULL, 'closed', NULL),
    (NULL, 8, '2024-01-02', NULL, NULL, NULL, NULL);
INSERT INTO conversation_messages VALUES
    ('9', 10, 'Bot', '"two"', 1704099602, '{a,"b c"}'), ('9', 9, 'Human', '"one"', 1704099602, NULL),
    ('10', NULL, 'Human', NULL, 1704103200000, NULL), ('10', NULL, 'Human', NULL, 'Infinity', NULL);
"""


def test_columns_of_any_type_are_read(database: str, empty_database: str, tmp_path: Path) -> None:
    fill(empty_database, ODD_TYPES)

    report = report_of(database, tmp_path, "--from-dsn", empty_database)
    given_projected(database)

    assert report["conversations"]["added"] == 3
    sessions = "SELECT metadata->>'legacy_id', user_id, started_at::text, duration_seconds FROM conversation_sessions"
    told = rows(database, f"{sessions} ORDER BY started_at")
    assert told[0] == ("9", "7", "2024-01-01 09:00:00+00", 90.5)
    assert told[1] == ("10", "7", "2024-01-01 10:00:00+00", 0.0)
    assert told[2][1:] == ("8", "2024-01-02 00:00:00+00", 0.0)
    said = "SELECT role, content, metadata FROM conversation_messages ORDER BY created_at, version LIMIT 2"
    assert rows(database, said) == [
        ("user", '"one"', {"legacy_id": "9"}),
        ("assistant", '"two"', {"legacy_id": "10", "legacy_tags": '{a,"b c"}'}),
    ]


def test_other_names_and_another_schema(database: str, empty_database: str) -> None:
    fill(empty_database, OLDER_SHAPE)
    fill(
        empty_database,
        'CREATE SCHEMA "Old"; ALTER TABLE conversation_sessions SET SCHEMA "Old";'
        'ALTER TABLE conversation_messages SET SCHEMA "Old"; ALTER TABLE "Old".conversation_messages RENAME TO "Said"',
    )
    place = ("--schema", "Old", "--messages-table", "Said")

    assert import_legacy(database, "--from-dsn", empty_database, *place).exit_code == 0

    assert len({row[0] for row in stored(database)}) == 5


def test_older_tables_may_stand_in_a_schema_of_turnlogs_own_database(database: str) -> None:
    fill(database, f"CREATE SCHEMA older; SET search_path TO older; {OLDER_SHAPE}")

    assert import_legacy(database, "--from-dsn", database, "--schema", "older").exit_code == 0

    assert len({row[0] for row in stored(database)}) == 5


def test_times_without_an_offset_are_of_the_zone_that_is_named(database: str, older: str) -> None:
    assert import_legacy(database, "--from-dsn", older, "--time-zone", "Europe/Vienna").exit_code == 0
    given_projected(database)

    started = "SELECT started_at::text FROM conversation_sessions WHERE id = %s"
    assert rows(database, started, [GOLD]) == [("2024-01-01 09:00:00+00",)]


def test_nothing_stays_behind_in_either_database(
    database: str, older: str, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    def tables(dsn: str) -> list[tuple[Any, ...]]:
        return rows(dsn, "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'v') ORDER BY 1")

    before = tables(database), tables(older)

    assert import_legacy(database, str(dump(postgres_server, older, tmp_path / "dump.sql"))).exit_code == 0
    assert import_legacy(database, "--from-dsn", older).exit_code == 0

    assert (tables(database), tables(older)) == before
