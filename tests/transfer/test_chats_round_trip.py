"""What was said goes out and comes in again as it was, whatever was said."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.operations.transfer.chat_terminal import export_chats_to, export_csv_to, import_chats_from
from app.ports import RowSelection
from domain.conversation.commands import (
    CompleteResponse,
    EndConversation,
    InterruptResponse,
    StartResponse,
    SubmitUserMessage,
)
from domain.conversation.values import GivenUsage
from domain.ids import ConversationId
from tests.support.decider import TENANT_ID, numbered_uuid
from tests.support.postgres import TestDatabases
from tests.support.transfer import (
    DIALOGUE,
    ODD_TEXT,
    OTHER_TENANT,
    dialogues,
    given_histories,
    given_projected,
    history,
)

EVERYTHING = RowSelection()

INTERRUPTED = (
    *DIALOGUE[:2],
    StartResponse(),
    InterruptResponse(generated_text="At seven or at eight?", heard_text="At", source="barge_in"),
    SubmitUserMessage(content="At eight."),
    CompleteResponse(content="Good.", usage=GivenUsage(output_tokens=3)),
    EndConversation(ended_reason="agent_ended"),
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
roles = st.sampled_from(["system", "developer", "user", "assistant", "tool"])
chats = st.lists(st.tuples(roles, texts), min_size=1, max_size=8)


def write_lines(file: Path, lines: list[Any]) -> None:
    file.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]


def import_into(dsn: str, file: Path) -> int:
    """Import, and bring the read tables to the head."""
    status = import_chats_from(file, dsn, TENANT_ID, is_strict=False)
    given_projected(dsn)
    return status


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conversations=st.lists(chats, min_size=1, max_size=10))
def test_what_comes_in_goes_out_as_it_was(
    test_databases: TestDatabases, file: Path, conversations: list[list[tuple[str, str]]]
) -> None:
    lines = [
        {"id": numbered_uuid(number), "messages": [{"role": role, "content": content} for role, content in chat]}
        for number, chat in enumerate(conversations)
    ]
    write_lines(file, lines)
    with test_databases.clone() as dsn:
        assert import_into(dsn, file) == 0
        export_chats_to(file, dsn, EVERYTHING, only_messages=True)

    assert lines_of(file) == [{"messages": line["messages"]} for line in lines]


def test_a_chat_that_went_through_another_database_is_the_same(
    database: str, other_database: str, file: Path, tmp_path: Path
) -> None:
    given_histories(database, [*dialogues(20), history(*DIALOGUE[:6], number=50), history(*INTERRUPTED, number=51)])
    given_projected(database)
    export_chats_to(file, database, EVERYTHING, only_messages=False)

    assert import_into(other_database, file) == 0
    again = tmp_path / "again.jsonl.gz"
    export_chats_to(again, other_database, EVERYTHING, only_messages=False)

    lines = lines_of(file)
    assert len(lines) == 22
    assert [line["ended_at"] is None for line in lines].count(True) == 1
    assert [message["heard_text"] for line in lines for message in line["messages"] if "heard_text" in message] == [
        "At"
    ]
    assert unpacked_lines(again) == lines


def unpacked_lines(file: Path) -> list[dict[str, Any]]:
    import gzip

    return [msgspec.json.decode(line) for line in gzip.decompress(file.read_bytes()).splitlines()]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (RowSelection(conversation_ids=(ConversationId(numbered_uuid(0xC0_0002)),)), [2]),
        (RowSelection(tenant_id=OTHER_TENANT), [3]),
        (RowSelection(user_id="ada"), [1, 2, 3]),
        (RowSelection(user_id="nobody"), []),
    ],
)
def test_chosen_conversations_alone_are_written(
    database: str, file: Path, selection: RowSelection, expected: list[int]
) -> None:
    given_histories(database, [*dialogues(2), *dialogues(1, tenant_id=OTHER_TENANT, first=3)])
    given_projected(database)

    export_chats_to(file, database, selection, only_messages=False)

    assert [line["id"] for line in lines_of(file)] == [numbered_uuid(0xC0_0000 + number) for number in expected]


@pytest.mark.parametrize("table", ["sessions", "messages"])
def test_csv_is_read_back_as_the_table_has_it(database: str, tmp_path: Path, table: Any) -> None:
    given_histories(database, [*dialogues(7), history(*DIALOGUE[:3], number=9)])
    given_projected(database)
    file = tmp_path / f"{table}.csv"

    export_csv_to(file, database, table, EVERYTHING)

    order = {"sessions": "id", "messages": "session_id, version"}[table]
    with psycopg.connect(database, options="-c timezone=UTC") as connection:
        cursor = connection.execute(f"SELECT * FROM conversation_{table} ORDER BY {order}")
        names = [column.name for column in cursor.description or ()]
        expected = [dict(zip(names, map(as_text, row), strict=True)) for row in cursor.fetchall()]
    found = list(csv.DictReader(StringIO(file.read_text(), newline="")))
    assert found
    assert [normalized(row) for row in found] == [normalized(row) for row in expected]


def as_text(value: Any) -> str:
    """The value as CSV has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return json.dumps(value)
    if hasattr(value, "isoformat"):
        return str(value.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    return str(value)


def normalized(row: dict[str, str]) -> dict[str, Any]:
    """JSON as what it says, and numbers as numbers: both have several spellings."""
    return {key: normalized_value(key, value) for key, value in row.items()}


def normalized_value(key: str, value: str) -> Any:
    if key in ("metadata", "policies"):
        return json.loads(value)
    return float(value) if key == "duration_seconds" and value else value


def test_csv_holds_odd_texts(database: str, tmp_path: Path) -> None:
    given_histories(database, dialogues(1))
    given_projected(database)
    file = tmp_path / "messages.csv"

    export_csv_to(file, database, "messages", EVERYTHING)

    contents = [row["content"] for row in csv.DictReader(StringIO(file.read_bytes().decode(), newline=""))]
    assert contents == [ODD_TEXT, "", "At eight."]


def test_tables_that_are_behind_are_told(database: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given_histories(database, dialogues(1))

    export_chats_to(file, database, EVERYTHING, only_messages=False)

    assert "up to 10 events behind" in capsys.readouterr().err
    assert file.read_text() == ""
