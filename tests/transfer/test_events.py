"""Events leave one database and enter another byte for byte, once, and never over what is there."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from adapters.postgres.connection import APPLICATION_ROLE, service_conninfo
from app.ports import EventSelection
from app.transfer.event_lines import BadEventFile
from app.transfer.import_events import BATCH_MAX_EVENTS
from app.transfer.terminal import export_events_to, import_events_from
from domain.conversation.commands import CompleteResponse
from domain.ids import ConversationId
from tests.support.decider import NOON, numbered_uuid
from tests.support.transfer import (
    DIALOGUE,
    EVENTS_OF_DIALOGUE,
    OTHER_TENANT,
    dialogues,
    event_rows,
    given_histories,
    given_projected,
    history,
    read_table_rows,
    rows,
)

EVERYTHING = EventSelection()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def lines_of(file: Path) -> list[dict[str, Any]]:
    """Every line, header and trailer included."""
    return [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]


def events_of(file: Path) -> list[dict[str, Any]]:
    return lines_of(file)[1:-1]


def import_from(file: Path, dsn: str, *, allow_unknown: bool = False) -> int:
    return import_events_from(file, dsn, allow_unknown=allow_unknown)


def given_event_of_the_library(dsn: str) -> None:
    """An event that the `eventsourcing` library wrote for an application of its own: no JSON, no command."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO stored_events (originator_id, originator_version, topic, state) "
            "VALUES (%s, 0, 'dog:born', %b)",
            [numbered_uuid(0xD06), b"\xff\x00\x80 not text"],
        )


def test_every_column_but_the_position_comes_over(database: str, other_database: str, file: Path) -> None:
    given_histories(database, [*dialogues(30), *dialogues(3, tenant_id=OTHER_TENANT, first=100)])
    given_event_of_the_library(database)
    given_histories(other_database, dialogues(1, first=500))

    export_events_to(file, database, EVERYTHING)
    status = import_from(file, other_database, allow_unknown=True)

    assert status == 0
    there_before = EVENTS_OF_DIALOGUE
    assert event_rows(other_database)[there_before:] == event_rows(database)


def test_a_second_import_adds_nothing(
    database: str, other_database: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given_histories(database, dialogues(5))
    export_events_to(file, database, EVERYTHING)
    import_from(file, other_database)
    stored = event_rows(other_database)
    capsys.readouterr()

    status = import_from(file, other_database)

    assert status == 0
    assert event_rows(other_database) == stored
    assert report_of(capsys) == {"events read": 50, "added": 0, "already there": 50, "conflicting": 0}


def report_of(capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    """The numbers of the report, by their names."""
    lines = [line.split("  ", 1) for line in capsys.readouterr().out.splitlines() if "  " in line]
    return {name.strip(): int(rest.split()[0].replace(",", "")) for name, rest in lines}


def test_an_import_into_the_database_it_came_from_changes_nothing(database: str, file: Path) -> None:
    given_histories(database, dialogues(3))
    stored = event_rows(database)
    export_events_to(file, database, EVERYTHING)

    assert import_from(file, database) == 0
    assert event_rows(database) == stored


def test_what_was_imported_is_projected_as_where_it_came_from(database: str, other_database: str, file: Path) -> None:
    given_histories(database, dialogues(20))
    given_projected(database)
    export_events_to(file, database, EVERYTHING)

    import_from(file, other_database)
    given_projected(other_database)

    sessions, messages = read_table_rows(database)
    assert len(sessions) == 20
    assert len(messages) == 60
    assert read_table_rows(other_database) == (sessions, messages)


def test_a_conversation_with_another_history_is_named_and_left_alone(
    database: str, other_database: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given_histories(database, dialogues(60))
    changed = history(*DIALOGUE[:5], CompleteResponse(content="Something else"), number=7)
    given_histories(other_database, [changed])
    left_alone = event_rows(other_database)
    export_events_to(file, database, EVERYTHING)
    capsys.readouterr()

    status = import_from(file, other_database)

    assert status == 1
    said = capsys.readouterr()
    assert f"Conversation {changed.conversation_id} has another event at version" in said.err
    stored = event_rows(other_database)
    assert [row for row in stored if str(row[0]) == changed.conversation_id] == left_alone
    assert len(stored) == len(left_alone) + 59 * EVENTS_OF_DIALOGUE


def test_the_same_import_twice_reports_the_same_conflict(database: str, other_database: str, file: Path) -> None:
    given_histories(database, dialogues(3))
    given_histories(other_database, [history(*DIALOGUE[:5], CompleteResponse(content="no"), number=2)])
    export_events_to(file, database, EVERYTHING)

    assert [import_from(file, other_database) for _ in range(2)] == [1, 1]


def test_a_conversation_that_has_gone_on_is_there_already(database: str, other_database: str, file: Path) -> None:
    begun = history(*DIALOGUE[:4])
    given_histories(database, [begun])
    export_events_to(file, database, EVERYTHING)
    import_from(file, other_database)
    given_histories(other_database, [history(*DIALOGUE)])
    stored = event_rows(other_database)

    assert import_from(file, other_database) == 0
    assert event_rows(other_database) == stored


def test_an_export_since_a_position_continues_the_one_before(
    database: str, other_database: str, tmp_path: Path
) -> None:
    given_histories(database, [history(*DIALOGUE[:4], number=1), *dialogues(2, first=2)])
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl.gz"
    export_events_to(first, database, EVERYTHING)
    head = lines_of(first)[0]["until_position"]
    given_histories(database, dialogues(4))

    export_events_to(second, database, EventSelection(since_position=head))

    assert import_from(second, other_database) == 1, "without the first, the rest of conversation 1 has a hole"
    assert import_from(first, other_database) == 0
    assert import_from(second, other_database) == 0
    assert sorted(event_rows(other_database)) == sorted(event_rows(database))


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (EventSelection(conversation_ids=(ConversationId(numbered_uuid(0xC0_0002)),)), {2}),
        (EventSelection(tenant_id=OTHER_TENANT), {3}),
        (EventSelection(ended_before=NOON + timedelta(minutes=8, microseconds=2)), {1}),
        (EventSelection(conversation_ids=(ConversationId(numbered_uuid(0xC0_0002)),), tenant_id=OTHER_TENANT), set()),
    ],
    ids=["conversation", "tenant", "ended-before", "both"],
)
def test_chosen_conversations_come_whole(
    database: str, file: Path, selection: EventSelection, expected: set[int]
) -> None:
    given_histories(database, [*dialogues(2), *dialogues(1, tenant_id=OTHER_TENANT, first=3)])
    given_histories(database, [history(*DIALOGUE[:4], number=4)])
    given_projected(database)

    export_events_to(file, database, selection)

    found = sorted((event["originator_id"], event["version"]) for event in events_of(file))
    assert found == [
        (numbered_uuid(0xC0_0000 + number), version)
        for number in sorted(expected)
        for version in range(1, EVENTS_OF_DIALOGUE + 1)
    ]


def test_an_archived_conversation_goes_out_and_is_there(database: str, other_database: str, file: Path) -> None:
    given_histories(database, dialogues(4))
    archive(database, 1, 2)
    export_events_to(file, database, EVERYTHING)
    import_from(file, other_database)
    assert event_rows(other_database) == event_rows(database)

    archive(other_database, 2, 3)
    stored = event_rows(other_database)

    assert import_from(file, other_database) == 0
    assert event_rows(other_database) == stored


def archive(dsn: str, *numbers: int) -> None:
    """The middle of these dialogues moves out of `stored_events`."""
    ids = [numbered_uuid(0xC0_0000 + number) for number in numbers]
    ((moved,),) = rows(dsn, "SELECT turnlog_archive(%s::uuid[])", [ids])
    assert moved > 0


def rewritten(file: Path, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Path:
    """The file with other events in it, and a trailer that says so."""
    header, *events, _ = file.read_bytes().splitlines(keepends=True)
    changed = [change(msgspec.json.decode(event)) for event in events]
    body = b"".join([header, *(msgspec.json.encode(event) + b"\n" for event in changed if event is not None)])
    trailer = {"line": "trailer", "events": body.count(b"\n") - 1, "sha256": hashlib.sha256(body).hexdigest()}
    target = file.with_name("rewritten.jsonl")
    target.write_bytes(body + msgspec.json.encode(trailer) + b"\n")
    return target


FIRST, SECOND = numbered_uuid(0xC0_0001), numbered_uuid(0xC0_0002)


def without_version_4(event: dict[str, Any]) -> dict[str, Any] | None:
    return None if (event["originator_id"], event["version"]) == (FIRST, 4) else event


def of_two_tenants(event: dict[str, Any]) -> dict[str, Any]:
    is_other = (event["originator_id"], event["version"]) == (FIRST, 4)
    return {**event, "tenant_id": OTHER_TENANT} if is_other else event


def with_a_command_of_the_other(event: dict[str, Any]) -> dict[str, Any]:
    is_second = (event["originator_id"], event["version"]) == (FIRST, 4)
    return {**event, "command_id": numbered_uuid(2_000)} if is_second else event


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without_version_4, "lacks the events before version 5"),
        (of_two_tenants, "belongs to another tenant than version 4"),
        (with_a_command_of_the_other, "has at version 4 a command id that made something else"),
    ],
)
def test_a_conversation_that_cannot_be_is_left_out_and_the_others_are_taken(
    database: str,
    other_database: str,
    file: Path,
    change: Callable[[dict[str, Any]], dict[str, Any] | None],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given_histories(database, dialogues(1, first=2))
    given_histories(database, dialogues(1))
    export_events_to(file, database, EVERYTHING)

    assert import_from(rewritten(file, change), other_database) == 1

    assert f"Conversation {FIRST} {reason}" in capsys.readouterr().err
    assert {str(row[0]) for row in event_rows(other_database)} == {SECOND}


def test_a_conversation_of_another_tenant_is_left_alone(database: str, other_database: str, file: Path) -> None:
    given_histories(database, dialogues(1))
    given_histories(other_database, dialogues(1, tenant_id=OTHER_TENANT))
    stored = event_rows(other_database)
    export_events_to(file, database, EVERYTHING)

    assert import_from(file, other_database) == 1
    assert event_rows(other_database) == stored


def test_events_of_a_command_are_never_parted(database: str, other_database: str, file: Path) -> None:
    """The last two events of each dialogue are one command; a batch has its end at one of them."""
    given_histories(database, dialogues(BATCH_MAX_EVENTS // EVENTS_OF_DIALOGUE + 3))
    export_events_to(file, database, EVERYTHING)

    import_from(file, other_database)

    transactions = rows(
        other_database,
        "SELECT count(DISTINCT xmin::text) FROM stored_events "
        "WHERE topic LIKE 'conversation_ended%%' OR topic LIKE 'response_cancelled%%' GROUP BY originator_id",
    )
    assert set(transactions) == {(1,)}
    assert rows(other_database, "SELECT count(DISTINCT xmin::text) FROM stored_events") == [(2,)]


def test_the_applications_role_may_not_import(database: str) -> None:
    dsn = service_conninfo(database, statement_timeout_s=5, role=APPLICATION_ROLE)
    with psycopg.connect(dsn, autocommit=True) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute("SELECT * FROM turnlog_import_events('{}', '{}', '{}', '{}', '{}', '{}', '{}')")


def without_last_line(content: bytes) -> bytes:
    return content[: content.rstrip(b"\n").rindex(b"\n") + 1]


def with_another_word(content: bytes) -> bytes:
    return content.replace(b"At eight.", b"At seven.")


def without_a_line(content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join([*lines[:4], *lines[5:]])


def of_a_newer_format(content: bytes) -> bytes:
    return content.replace(b'"format_version":1', b'"format_version":2')


def with_a_newer_topic(content: bytes) -> bytes:
    return content.replace(b"response_completed.v1", b"response_completed.v9")


def with_a_foreign_state(content: bytes) -> bytes:
    return content.replace(b'"conversation_started.v1"', b'"conversation_ended.v1"')


def with_an_unreadable_state(content: bytes) -> bytes:
    return content.replace(b'\\"data\\"', b'\\"date\\"')


def with_a_nul(content: bytes) -> bytes:
    return content.replace(b"At eight.", b"At \\\\u0000.")


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda content: content[: len(content) // 2], "breaks off"),
        (without_last_line, "was cut off"),
        (with_another_word, "checksum"),
        (without_a_line, "counts"),
        (lambda content: content + content, "follows after"),
        (lambda content: b"".join(content.splitlines(keepends=True)[1:]), "Line 1"),
        (of_a_newer_format, "newer release"),
        (with_a_newer_topic, "--allow-unknown"),
        (with_a_foreign_state, "the state is not that of an event"),
        (with_an_unreadable_state, "the state is not that of an event"),
        (with_a_nul, "NUL character"),
        (lambda content: b"", "was cut off"),
        (lambda content: b"\x1f\x8b" + content[:50], "compressed file"),
        (lambda content: b'{"dialogue_id": 1}\n', "Line 1"),
        (lambda content: b"\xff\xfe\n", "Line 1"),
    ],
)
def test_a_file_that_is_not_whole_and_unchanged_adds_nothing(
    database: str, other_database: str, file: Path, damage: Callable[[bytes], bytes], expected: str
) -> None:
    given_histories(database, dialogues(3))
    export_events_to(file, database, EVERYTHING)
    file.write_bytes(damage(file.read_bytes()))

    with pytest.raises(BadEventFile, match=expected):
        import_from(file, other_database)

    assert event_rows(other_database) == []


def test_a_newer_event_is_taken_over_unread_when_that_is_allowed(
    database: str, other_database: str, file: Path
) -> None:
    given_event_of_the_library(database)
    export_events_to(file, database, EVERYTHING)

    with pytest.raises(BadEventFile, match="does not know"):
        import_from(file, other_database)
    assert import_from(file, other_database, allow_unknown=True) == 0
    assert event_rows(other_database) == event_rows(database)


def test_a_failed_export_leaves_the_file_of_before(database: str, file: Path) -> None:
    file.write_text("what was there before")

    with pytest.raises(psycopg.ProgrammingError):
        export_events_to(file, f"{database} nonsense", EVERYTHING)

    assert file.read_text() == "what was there before"
    assert list(file.parent.iterdir()) == [file]
