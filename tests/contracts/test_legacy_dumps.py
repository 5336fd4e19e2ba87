"""Dumps that are not as they should be, and what only looks like one: refused in a sentence, and never run."""

from pathlib import Path
from typing import Final

import pytest

from adapters.embedded import EmbeddedPostgres
from tests.support.legacy_databases import OLDER_SHAPE, dump, fill, import_legacy
from tests.support.transfer import rows

SESSIONS: Final = "CREATE TABLE conversation_sessions (id text, started_at text);\n"
MESSAGES: Final = "CREATE TABLE conversation_messages (id text, session_id text, role text, content text);\n"
EMPTY_TABLES: Final = SESSIONS + MESSAGES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dump.sql"


REFUSED: Final = {
    "no tables": (b"SELECT 1;\n", "has no table conversation_messages and no table conversation_sessions"),
    "one table": (SESSIONS.encode(), "has no table conversation_messages"),
    "nothing": (b"", "has no table"),
    "of MySQL": (b"-- MySQL dump 10.13\nCREATE TABLE `conversation_sessions` (\n `id` int);\n", "dump of MySQL"),
    "an archive": (b"PGDMP\x01\x0e\x00", "pg_restore -f dump.sql"),
    "cut off": (b"COPY conversation_sessions (id, started_at) FROM stdin;\n1\t", "Was it cut off?"),
    "cut off in an INSERT": (b"INSERT INTO conversation_sessions (id) VALUES ('1'),\n('2", "Was it cut off?"),
    "cut off between statements": (
        b"--\n-- PostgreSQL database dump\n--\n" + EMPTY_TABLES.encode(),
        "The dump has a beginning and no end. Was it cut off?",
    ),
    "a cut gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "not a whole gzip file"),
    "no UTF-8": (b"SELECT '\xe4';\n", "not UTF-8"),
    "latin": (b"SET client_encoding = 'LATIN1';\n", "is in LATIN1"),
    "too few values": (
        EMPTY_TABLES.encode() + b"COPY conversation_sessions (id, started_at) FROM stdin;\n1\n\\.\n",
        "cannot be laid into temporary tables: missing data",
    ),
    "CSV": (b"COPY conversation_sessions FROM stdin WITH (FORMAT csv);\n1,2\n\\.\n", "COPY with options"),
    "no columns": (b"INSERT INTO conversation_sessions VALUES (1);\n", "does not say what the columns"),
    "two schemas": (
        b"CREATE TABLE a.conversation_sessions (id text);\nCREATE TABLE b.conversation_messages (id text);\n",
        "in several schemas. Name one with --schema",
    ),
    "other tables": (
        b"CREATE TABLE conversation_sessions (id text);\nCREATE TABLE conversation_messages (id text);\n",
        "no column session_id and no column content",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_plain_dump_is_refused_in_a_sentence(database: str, path: Path, kind: str) -> None:
    content, sentence = REFUSED[kind]
    path.write_bytes(content)

    answer = import_legacy(database, str(path))

    assert answer.exit_code == 1
    assert answer.output.splitlines()[-1].startswith("Error: ")
    assert sentence in answer.output
    assert "Traceback" not in answer.output
    assert rows(database, "SELECT count(*) FROM stored_events") == [(0,)]


def test_empty_tables_are_imported_as_nothing(database: str, path: Path) -> None:
    path.write_text(EMPTY_TABLES)

    assert import_legacy(database, str(path)).exit_code == 0


def test_statements_of_a_dump_are_not_run(database: str, path: Path) -> None:
    path.write_text(
        EMPTY_TABLES
        + "CREATE TABLE planted (id int); DROP VIEW conversation_sessions; TRUNCATE stored_events;\n"
        + "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;\n"
        + "INSERT INTO conversation_sessions VALUES ('s', '2024-01-01 10:00:00');\n"
        + "INSERT INTO conversation_messages VALUES ('m', 's', 'user', 'DROP TABLE stored_events;');\n"
    )

    assert import_legacy(database, str(path)).exit_code == 0

    assert rows(database, "SELECT to_regclass('planted')::text, to_regclass('conversation_sessions')::text") == [
        (None, "conversation_sessions")
    ]
    assert rows(database, "SELECT count(*) FROM stored_events") == [(4,)]


def test_a_dump_that_says_nothing_of_a_column_in_some_rows(database: str, path: Path) -> None:
    path.write_text(
        "INSERT INTO conversation_sessions (id) VALUES ('s');\n"
        "INSERT INTO conversation_sessions (id, started_at) VALUES ('t', '2024-01-01 10:00:00');\n"
        "INSERT INTO conversation_messages (session_id, content) VALUES ('s', 'a\\b\tc');\n"
    )

    assert import_legacy(database, str(path)).exit_code == 0

    said = "SELECT convert_from(state, 'UTF8')::jsonb #>> '{data,content}' FROM stored_events"
    assert ("a\\b\tc",) in rows(database, said)


class TestDatabasesThatCannotBeRead:
    """Given a DSN, when it leads nowhere or to the wrong place, then a sentence says so."""

    def test_turnlogs_own_tables_are_refused(self, database: str) -> None:
        answer = import_legacy(database, "--from-dsn", database)

        assert answer.exit_code == 1
        assert "one of Turnlog's own" in answer.output

    def test_a_table_that_is_not_there(self, database: str, empty_database: str) -> None:
        answer = import_legacy(database, "--from-dsn", empty_database)

        assert answer.exit_code == 1
        assert "There is no table 'conversation_sessions'" in answer.output

    @pytest.mark.parametrize("dsn", ["postgresql://u:secret@127.0.0.1:1/x", "nonsense secret"])
    def test_a_database_that_does_not_answer_and_its_password(self, database: str, dsn: str) -> None:
        answer = import_legacy(database, "--from-dsn", dsn)

        assert answer.exit_code == 1
        assert "Error: The " in answer.output
        assert "secret" not in answer.output

    @pytest.mark.parametrize("words", [(), ("dump.sql", "--from-dsn", "postgresql://x")])
    def test_either_a_file_or_a_database(self, database: str, words: tuple[str, ...], path: Path) -> None:
        path.touch()
        answer = import_legacy(database, *(str(path) if word == "dump.sql" else word for word in words))

        assert answer.exit_code == 2
        assert "Give either a FILE or --from-dsn." in answer.output

    @pytest.mark.parametrize(
        "words", [("--time-zone", "Mars/Base"), ("--keep-open-since", "999999d"), ("--tenant", "x")]
    )
    def test_options_that_mean_nothing_are_refused(self, database: str, words: tuple[str, ...]) -> None:
        answer = import_legacy(database, "--from-dsn", "postgresql://x", *words)

        assert answer.exit_code == 2
        assert f"Invalid value for '{words[0]}'" in answer.output


@pytest.fixture
def dumped(empty_database: str, postgres_server: EmbeddedPostgres, path: Path) -> Path:
    fill(empty_database, OLDER_SHAPE)
    return dump(postgres_server, empty_database, path)


def test_a_dump_is_read_whatever_ends_its_lines(database: str, dumped: Path) -> None:
    dumped.write_bytes(b"\xef\xbb\xbf" + dumped.read_bytes().replace(b"\n", b"\r\n"))

    assert import_legacy(database, str(dumped)).exit_code == 0

    assert rows(database, "SELECT count(DISTINCT originator_id) FROM stored_events") == [(5,)]
