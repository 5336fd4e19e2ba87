"""An older database that is imported again after it has changed: what goes on is continued, the rest stays."""

from pathlib import Path
from typing import Any, Final

from tests.support.legacy_databases import OLDER_SHAPE, fill, import_legacy, report_of, stored
from tests.support.transfer import given_projected, rows

GOLD: Final = "11111111-1111-4111-8111-111111111111"
NEVER_CLOSED: Final = "22222222-2222-4222-8222-222222222222"


def test_a_session_that_was_open_goes_on_in_the_next_import(database: str, empty_database: str, tmp_path: Path) -> None:
    fill(empty_database, OLDER_SHAPE)
    now = "(now() AT TIME ZONE 'UTC')"
    open_session = f"session_start = {now} - interval '5 minutes' WHERE id = '{NEVER_CLOSED}'"
    fill(empty_database, f"UPDATE conversation_sessions SET {open_session}")
    fill(empty_database, f"UPDATE conversation_messages SET created_at = {now} WHERE content = 'Anybody?'")
    first = report_of(database, tmp_path, "--from-dsn", empty_database)
    assert "kept_open" in {repaired["rule"] for repaired in first["repairs"]}
    answer = f"gen_random_uuid(), '{NEVER_CLOSED}', NULL, 'agent', 'Yes!', NULL, NULL, {now}"
    fill(empty_database, f"INSERT INTO conversation_messages VALUES ({answer})")
    closed = f"session_end = {now}, is_active = FALSE WHERE id = '{NEVER_CLOSED}'"
    fill(empty_database, f"UPDATE conversation_sessions SET {closed}")

    second = report_of(database, tmp_path, "--from-dsn", empty_database)

    assert second["conversations"] == {"added": 1, "already_there": 4, "different": 0, "refused": 0}
    topics = "SELECT topic FROM stored_events WHERE originator_id = %s ORDER BY originator_version"
    assert [topic for (topic,) in rows(database, topics, [NEVER_CLOSED])] == [
        "conversation_started.v1",
        "user_message_received.v1",
        "response_completed.v1",
        "conversation_ended.v1",
    ]


def test_a_session_that_is_another_now_is_left_alone_and_named(database: str, empty_database: str) -> None:
    fill(empty_database, OLDER_SHAPE)
    assert import_legacy(database, "--from-dsn", empty_database).exit_code == 0
    before = stored(database)
    fill(empty_database, "UPDATE conversation_messages SET content = 'Something else' WHERE role = 'agent'")

    answer = import_legacy(database, "--from-dsn", empty_database)

    assert answer.exit_code == 1
    assert f"Left alone: {GOLD}" in answer.output
    assert "Something else" not in answer.output
    assert stored(database) == before


def test_a_session_whose_row_changes_while_it_goes_on_is_continued(
    database: str, empty_database: str, tmp_path: Path
) -> None:
    def imported() -> dict[str, Any]:
        return report_of(database, tmp_path, "--from-dsn", empty_database, "--keep-open-since", "9999d")

    def fill_session(change: str) -> None:
        fill(empty_database, f"UPDATE conversation_sessions SET {change} WHERE id = '{NEVER_CLOSED}'")

    fill(empty_database, OLDER_SHAPE + "UPDATE conversation_messages SET user_id = NULL")
    assert imported()["conversations"]["added"] == 5
    fill_session("""metadata = '{"mood": "tense", "plan": "gold"}'""")
    assert imported()["conversations"] == {"added": 0, "already_there": 5, "different": 0, "refused": 0}
    fill_session("""metadata = '{"mood": "calm"}', user_id = 'somebody', session_end = '2024-01-02 09:06'""")
    report = imported()
    again = imported()
    given_projected(database)

    assert report["conversations"] == {"added": 1, "already_there": 4, "different": 0, "refused": 0}
    assert again["conversations"]["already_there"] == 5
    assert {one["rule"]: one["examples"] for one in report["repairs"]}["session_changed"] == [NEVER_CLOSED]
    sessions = "SELECT user_id, metadata, is_active, duration_seconds FROM conversation_sessions WHERE id = %s"
    assert rows(database, sessions, [NEVER_CLOSED]) == [(None, {"mood": "calm"}, False, 360.0)]
    fill_session("""metadata = '{"summary": "late"}'""")
    assert imported()["conversations"]["different"] == 0
