"""An import of events never touches a conversation that the database has with another history."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.operations.transfer.event_terminal import export_events_to
from domain.conversation.commands import CompleteResponse
from tests.support.decider import numbered_uuid
from tests.support.transfer import (
    DIALOGUE,
    EVENTS_OF_DIALOGUE,
    EVERYTHING,
    OTHER_TENANT,
    dialogues,
    event_rows,
    given_histories,
    history,
    import_from,
)


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
