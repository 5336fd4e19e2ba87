"""Events leave one database and enter another byte for byte, and once."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from adapters.postgres.connection import APPLICATION_ROLE, service_conninfo
from app.operations.transfer.event_lines import BadEventFile
from app.operations.transfer.event_terminal import export_events_to
from app.operations.transfer.import_events import BATCH_MAX_EVENTS
from app.ports import EventSelection
from domain.ids import ConversationId
from tests.support.decider import NOON, numbered_uuid
from tests.support.transfer import (
    DIALOGUE,
    EVENTS_OF_DIALOGUE,
    EVERYTHING,
    OTHER_TENANT,
    dialogues,
    event_rows,
    given_histories,
    given_projected,
    history,
    import_from,
    read_table_rows,
    rows,
)


def lines_of(file: Path) -> list[dict[str, Any]]:
    """Every line, header and trailer included."""
    return [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]


def events_of(file: Path) -> list[dict[str, Any]]:
    return lines_of(file)[1:-1]


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


def test_a_newer_event_is_taken_over_unread_when_that_is_allowed(
    database: str, other_database: str, file: Path
) -> None:
    given_event_of_the_library(database)
    export_events_to(file, database, EVERYTHING)

    with pytest.raises(BadEventFile, match="does not know"):
        import_from(file, other_database)
    assert import_from(file, other_database, allow_unknown=True) == 0
    assert event_rows(other_database) == event_rows(database)
