"""Chats from elsewhere become conversations: by the rules, once, and each line for itself."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, Final

import msgspec
import pytest

from adapters.memory.event_store import MemoryEventStore
from adapters.system.ids import Uuid7Source
from app.operations.transfer.chat_histories import history_of
from app.operations.transfer.chats import read_chat
from app.operations.transfer.conversation_writer import ConversationWriter
from app.operations.transfer.histories import History
from app.operations.transfer.import_chats import BadLine, ChatImport
from domain.conversation.events import (
    ConversationEnded,
    ConversationStarted,
    Event,
    MessageRecorded,
    ResponseCancelled,
    ResponseCompleted,
    ToolCallCompleted,
    ToolCallStarted,
    UserMessageReceived,
    tag_of,
)
from domain.conversation.limits import MAX_CONTENT_BYTES
from domain.ids import ConversationId
from domain.ports import RecordedEvent
from tests.support.decider import NOON, TENANT_ID, numbered_uuid
from tests.support.recording import TickingClock
from tests.support.transfer import IMPORTER, OTHER_TENANT

UUID: Final = numbered_uuid(0xABC)


def user(content: Any = "Hi", **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **fields}


def assistant(content: Any = "Hello", **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **fields}


class Imported:
    """A store, and what the imports into it have said."""

    def __init__(self) -> None:
        self.store = MemoryEventStore(TickingClock())
        self.bad_lines: list[BadLine] = []
        self.lines = 0

    async def lines_of(self, *lines: Any, now: datetime = NOON, is_strict: bool = False) -> ChatImport:
        """Import these lines: bytes as they are, all else as JSON."""
        encoded = [line if isinstance(line, bytes) else msgspec.json.encode(line) for line in lines]
        run = ChatImport(TENANT_ID, now, self.bad_lines.append, self._count, is_strict=is_strict)
        await run.run(BytesIO(b"\n".join(encoded)), ConversationWriter(self.store, Uuid7Source(), IMPORTER))
        return run

    async def stored(self) -> tuple[RecordedEvent, ...]:
        """Everything, in the order of positions."""
        return tuple((await self.store.read_page(0, 10_000)).events)

    async def events(self) -> list[Event]:
        return [recorded.event for recorded in await self.stored()]

    async def tags(self) -> list[str]:
        return [tag_of(type(event)) for event in await self.events()]

    def _count(self, count: int) -> None:
        self.lines += count


@pytest.fixture
def imported() -> Imported:
    return Imported()


async def test_turns_become_turns_and_all_else_is_recorded(imported: Imported) -> None:
    system = {"role": "system", "content": "Be brief."}
    await imported.lines_of([system, user(), user("again"), assistant(), assistant("more"), user("bye")])

    assert await imported.tags() == [
        "conversation_started",
        "message_recorded",
        "user_message_received",
        "message_recorded",
        "response_completed",
        "message_recorded",
        "user_message_received",
        "response_cancelled",
        "conversation_ended",
    ]


@pytest.mark.parametrize(
    ("given", "stored"),
    [("human", "user"), ("bot", "assistant"), ("agent", "assistant"), ("tool", "tool"), ("developer", "developer")],
)
async def test_roles_of_other_formats_are_understood(imported: Imported, given: str, stored: str) -> None:
    await imported.lines_of([user(), assistant(), assistant(), user(), {"role": given, "content": "x"}])

    found = [event for event in await imported.events() if isinstance(event, MessageRecorded | ResponseCompleted)]
    last = found[-1]
    assert (last.role if isinstance(last, MessageRecorded) else "assistant") == stored


async def test_all_that_a_line_says_is_kept(imported: Imported) -> None:
    await imported.lines_of(
        {
            "id": UUID,
            "user_id": 17,
            "agent": "kitchen",
            "channel": "phone",
            "language": "de-AT",
            "metadata": {"plan": "gold", "score": 4.5, "is_new": True, "nothing": None},
            "created_at": "2026-01-02T03:04:05+01:00",
            "messages": [
                user(["a", {"type": "text", "text": "b"}], id=numbered_uuid(1), metadata={"mood": "good"}),
                assistant(usage={"output_tokens": 7}, id="msg_1", timestamp=1_767_319_446.5),
            ],
            "ended_at": 1_767_319_500_000,
            "ended_reason": "agent_ended",
            "ended_detail": "done",
        }
    )

    stored = await imported.stored()
    started, said, answered, ended = [recorded.event for recorded in stored]
    assert isinstance(started, ConversationStarted)
    assert (started.user_id, started.agent, started.channel, started.language) == ("17", "kitchen", "phone", "de-AT")
    assert started.metadata == {"plan": "gold", "score": "4.5", "is_new": "true"}
    assert isinstance(said, UserMessageReceived)
    assert (said.content, said.message_id, said.metadata) == ("a\nb", numbered_uuid(1), {"mood": "good"})
    assert isinstance(answered, ResponseCompleted)
    assert answered.usage is not None
    assert answered.usage.output_tokens == 7
    assert ended == ConversationEnded(ended_reason="agent_ended", detail="done")
    assert {recorded.conversation_id for recorded in stored} == {UUID}
    begun = datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)
    assert [(recorded.origin.occurred_at - begun).total_seconds() for recorded in stored] == [0, 1, 1.5, 55]


async def test_tool_calls_stand_within_the_answer(imported: Imported) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"near": "here"}'}}
    result = {"role": "tool", "tool_call_id": "call_1", "content": "two tables"}
    await imported.lines_of([user(), assistant("One moment.", tool_calls=[call]), result, assistant("There are two.")])

    events = await imported.events()
    assert [type(event) for event in events[1:-1]] == [
        UserMessageReceived,
        MessageRecorded,
        ToolCallStarted,
        ToolCallCompleted,
        MessageRecorded,
        ResponseCompleted,
    ]
    assert ToolCallStarted(tool_call_id="call_1", name="find", arguments={"near": "here"}) in events
    assert ToolCallCompleted(tool_call_id="call_1", result="two tables") in events


async def test_a_chat_that_says_so_stays_open(imported: Imported) -> None:
    await imported.lines_of({"messages": [user()], "ended_at": None})

    assert await imported.tags() == ["conversation_started", "user_message_received"]


async def test_a_chat_ends_with_its_open_turn_closed(imported: Imported) -> None:
    await imported.lines_of([user()])

    assert (await imported.events())[-2:] == [
        ResponseCancelled(reason="conversation_ended"),
        ConversationEnded(ended_reason="user_ended", detail="imported"),
    ]


async def test_the_dialogues_of_the_replay_are_chats_too(imported: Imported) -> None:
    turns = [{"speaker": "user", "utterance": "Hi"}, {"speaker": "system", "utterance": "Hello"}]

    run = await imported.lines_of({"dialogue_id": "10_00008", "turns": turns})

    assert run.tally.added == 1
    assert (await imported.tags())[1:3] == ["user_message_received", "response_completed"]


async def test_running_it_again_adds_nothing_whatever_the_day(imported: Imported) -> None:
    lines = [{"id": "a", "messages": [user(), assistant()]}, [user("no id")], {"id": UUID, "messages": [user()]}]
    await imported.lines_of(*lines)
    stored = await imported.stored()

    again = await imported.lines_of(*reversed(lines), now=NOON + timedelta(days=3))

    assert (again.tally.present, again.tally.added) == (3, 0)
    assert await imported.stored() == stored


async def test_the_same_chat_of_another_tenant_is_another_conversation() -> None:
    chat = read_chat(msgspec.json.encode({"id": "a", "messages": [user()]}))

    ids = {history_of(chat, "1", tenant_id, NOON).conversation_id for tenant_id in (TENANT_ID, OTHER_TENANT)}

    assert len(ids) == 2


async def test_a_line_that_was_changed_is_named_and_what_is_there_stays(imported: Imported) -> None:
    await imported.lines_of({"id": "a", "messages": [user(), assistant()]})
    stored = await imported.stored()

    again = await imported.lines_of({"id": "a", "messages": [user(), assistant("Something else")]})

    assert again.tally.different == 1
    assert [line.number for line in imported.bad_lines] == [1]
    assert "another history" in imported.bad_lines[0].reason
    assert await imported.stored() == stored


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ([{"role": "nobody", "content": "x"}], "messages[0].role", "is wrong"),
        ([user(), {"role": "user"}], "messages[1].content", "is missing"),
        ([user([{"type": "image_url"}])], "messages[0].content[0]", "only text"),
        ([user("x" * (MAX_CONTENT_BYTES + 1))], "messages[0].content", str(MAX_CONTENT_BYTES)),
        ([user("ü" * MAX_CONTENT_BYTES)], "messages[0].content", str(MAX_CONTENT_BYTES)),
        ([user("a\0b")], "messages[0].content", "NUL"),
        ([user(id="m"), assistant(id="m")], "messages[1]", "already"),
        ([user(created_at=1e300)], "messages[0].created_at", "years 1 to 9999"),
        ([user(created_at="yesterday")], "messages[0].created_at", "is wrong"),
        ({"messages": [user()], "created_at": "9999-12-31T23:59:59Z"}, "created_at", "9999"),
        ({"messages": [user()], "metadata": {"plan": {}}}, "metadata.plan", "is wrong"),
        ({"messages": [user()], "metadata": {"k": "x" * 513}}, "metadata.k", "512"),
        ({"messages": [user()], "metadata": {str(key): "" for key in range(17)}}, "metadata", "16"),
        ({"messages": [user()], "user_id": "x" * 256}, "user_id", "255"),
        ({"messages": [user()], "ended_reason": "boredom"}, "ended_reason", "is wrong"),
        ({"messages": []}, "messages", "is missing"),
        ({}, "messages", "is missing"),
        ([assistant(None, tool_calls=[{"id": "1", "function": {"name": "f"}}])], "messages[0].tool_calls[0]", "waits"),
    ],
)
async def test_a_line_that_breaks_a_rule_is_named_by_number_and_field(
    imported: Imported, line: Any, field: str, reason: str
) -> None:
    run = await imported.lines_of([user("first")], b"", line, [user("last")])

    assert run.tally.added == 2
    assert run.bad_lines + run.tally.refused == 1
    (bad_line,) = imported.bad_lines
    assert bad_line.number == 3
    assert f"`{field}`" in bad_line.reason
    assert reason in bad_line.reason


@pytest.mark.parametrize("line", [b"nonsense", b'{"messages": [', b"\xff\xfe", b"7", b'"text"', b"[" * 100_000])
async def test_a_line_that_is_no_chat_is_named(imported: Imported, line: bytes) -> None:
    run = await imported.lines_of(line, [user()])

    assert (run.bad_lines, run.tally.added) == (1, 1)
    assert [bad_line.number for bad_line in imported.bad_lines] == [1]
    assert imported.lines == 2


async def test_strict_stops_at_the_first_line_that_cannot_be_taken_in(imported: Imported) -> None:
    run = await imported.lines_of([user("first")], b"nonsense", [user("last")], is_strict=True)

    assert run.tally.conversations == 1
    assert run.bad_lines == 1


def test_messages_without_times_stand_between_those_that_have_some() -> None:
    ten_words = "one two three four five six seven eight nine ten"
    chat = [
        user(ten_words),
        assistant(ten_words, created_at="2026-01-01T00:00:10Z"),
        user(ten_words),
        assistant(ten_words),
        user(ten_words, created_at="2026-01-01T00:00:16Z"),
        assistant(ten_words),
    ]

    history = given_history(chat)

    assert [seconds_of(past.occurred_at) for past in history.commands] == [6, 10, 10, 14, 16, 16, 20, 20]
    assert not any(past.is_time_made_up for past in history.commands)


def test_a_chat_without_any_time_ends_now() -> None:
    history = given_history([user("one two three four five"), assistant("yes")])

    assert [(past.occurred_at - NOON).total_seconds() for past in history.commands] == [-3, -1, 0, 0]
    assert all(past.is_time_made_up for past in history.commands)


def given_history(messages: list[dict[str, Any]]) -> History:
    return history_of(read_chat(msgspec.json.encode(messages)), "1", TENANT_ID, NOON)


def seconds_of(time: datetime) -> float:
    return (time - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds()


async def test_two_lines_with_the_same_id_never_mix(imported: Imported) -> None:
    one = {"id": UUID, "messages": [user("same"), assistant("one"), user("one")]}
    other = {"id": UUID, "messages": [user("same"), assistant("other"), user("other")]}

    run = await imported.lines_of(one, other)

    assert (run.tally.added, run.tally.different) == (1, 1)
    stored = await imported.store.read(TENANT_ID, ConversationId(UUID))
    said = {event.content for event in (recorded.event for recorded in stored) if hasattr(event, "content")}
    assert said in ({"same", "one"}, {"same", "other"})
