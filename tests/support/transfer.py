"""What the tests of export and import share: databases with histories in them, and rows to compare."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import uvloop

from adapters.postgres.connection import service_conninfo
from adapters.postgres.projection_store import PostgresProjectionStore
from adapters.system.ids import Uuid7Source
from app.operations.transfer.conversation_writer import ConversationWriter, WriterTally
from app.operations.transfer.event_terminal import import_events_from
from app.operations.transfer.histories import History, PastCommand
from app.operations.transfer.opening import open_event_store
from app.ports import EventSelection
from domain.conversation.commands import (
    Command,
    CompleteResponse,
    CompleteToolCall,
    EndConversation,
    RecordFeedback,
    StartConversation,
    StartResponse,
    StartToolCall,
    SubmitUserMessage,
)
from domain.envelope import Actor
from domain.ids import CommandId, ConversationId, MessageId, TenantId
from tests.support.decider import NOON, TENANT_ID, numbered_uuid
from tests.support.projecting import project_all, take_lead

OTHER_TENANT: Final = TenantId("00000000-0000-0000-0000-00000000bbbb")
IMPORTER: Final = Actor(type="system", id="import")
ODD_TEXT: Final = "quotes \"' and \\u0000 and \\ and \u2028 and \U0001f600 and\nlines\tand \x7f"

DIALOGUE: Final[tuple[Command, ...]] = (
    StartConversation(user_id="ada", language="de-AT", metadata={"plan": ODD_TEXT}),
    SubmitUserMessage(content=ODD_TEXT, message_id=MessageId(numbered_uuid(0xA1))),
    StartToolCall(tool_call_id="call_1", name="find_table", arguments={"near": {"lat": 1.5, "tags": ["ü", None]}}),
    CompleteToolCall(tool_call_id="call_1", result=[1, "two"]),
    StartResponse(model="a-model"),
    CompleteResponse(content=""),
    RecordFeedback(message_id=MessageId(numbered_uuid(0xA1)), rating=1),
    SubmitUserMessage(content="At eight."),
    EndConversation(detail="left"),
)
EVERYTHING: Final = EventSelection()
EVENTS_OF_DIALOGUE: Final = 10
"""The end of a conversation in the middle of a turn makes two."""


def history(*commands: Command, number: int = 1, tenant_id: TenantId = TENANT_ID) -> History:
    """A conversation of these commands, a minute between them."""
    return History(
        name=f"line {number}",
        tenant_id=tenant_id,
        conversation_id=ConversationId(numbered_uuid(0xC0_0000 + number)),
        commands=tuple(
            PastCommand(
                command=command,
                occurred_at=NOON + timedelta(minutes=index, microseconds=number),
                command_id=CommandId(numbered_uuid(1_000 * number + index)),
                place=f"messages[{index - 1}]" if index else "",
            )
            for index, command in enumerate(commands)
        ),
    )


def dialogues(count: int, *, tenant_id: TenantId = TENANT_ID, first: int = 1) -> list[History]:
    """So many conversations, which end at different times."""
    return [history(*DIALOGUE, number=number, tenant_id=tenant_id) for number in range(first, first + count)]


def given_histories(dsn: str, histories: Iterable[History]) -> WriterTally:
    """They are stored, many at a time and so interleaved."""
    return uvloop.run(write_histories(dsn, histories))


async def write_histories(dsn: str, histories: Iterable[History]) -> WriterTally:
    """As `given_histories`, for who has a loop."""
    tally = WriterTally()
    async with open_event_store(dsn) as store:
        await ConversationWriter(store, Uuid7Source(), IMPORTER).write_all(histories, tally.count)
    return tally


def given_projected(dsn: str) -> None:
    """The read tables are at the head."""
    uvloop.run(_project(dsn))


async def _project(dsn: str) -> None:
    conninfo = service_conninfo(dsn, statement_timeout_s=30, role=None)
    async with open_event_store(dsn) as store, PostgresProjectionStore(conninfo).session() as session:
        await take_lead(session)
        await project_all(store, session)


def import_from(file: Path, dsn: str, *, allow_unknown: bool = False) -> int:
    """The exit status of an import of events."""
    return import_events_from(file, dsn, allow_unknown=allow_unknown)


def rows(dsn: str, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """All rows of a query, with times in UTC."""
    with psycopg.connect(dsn, autocommit=True, options="-c timezone=UTC") as connection:
        return connection.execute(query, parameters).fetchall()


def event_rows(dsn: str) -> list[tuple[Any, ...]]:
    """Every column of every event but its position, in the order of positions."""
    return rows(
        dsn,
        "SELECT originator_id, originator_version, topic, state, tenant_id, command_id, recorded_at "
        "FROM all_stored_events ORDER BY notification_id",
    )


def read_table_rows(dsn: str) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Every column of both read tables."""
    return (
        rows(dsn, "SELECT * FROM conversation_sessions ORDER BY id"),
        rows(dsn, "SELECT * FROM conversation_messages ORDER BY session_id, version"),
    )
