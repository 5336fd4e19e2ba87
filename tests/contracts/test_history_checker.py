"""The judge of the fault tests is itself tried: it must see every kind of broken word."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapters.memory.event_store import MemoryEventStore
from adapters.system.clock import SystemClock
from domain.conversation.events import Event, ResponseStarted
from domain.ids import MessageId
from domain.ports import Append, RecordedEvent
from tests.support.appends import an_append, message, new_conversation, new_id
from tests.support.decider import TENANT_ID
from tests.support.history import HistoryLog, judge, read_log
from tests.support.moments import QUESTION, started


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


@pytest.fixture
def log(path: Path) -> HistoryLog:
    return HistoryLog(path)


async def stored(*appends: Append) -> tuple[RecordedEvent, ...]:
    store = MemoryEventStore(SystemClock())
    for append in appends:
        await store.append(append)
    return tuple((await store.read_page(0, 1_000)).events)


def opening(events: Sequence[Event] = (*started(), QUESTION)) -> Append:
    """A command that begins a conversation."""
    return an_append(events=events, tenant_id=TENANT_ID)


async def test_a_store_that_keeps_its_word_is_cleared(log: HistoryLog, path: Path) -> None:
    known, lost, refused = opening(), opening(), opening()
    for append in (known, lost, refused):
        log.invoke(append.conversation_id, append.origin.command_id)
    log.unknown(known.conversation_id, known.origin.command_id, "outcome_unknown")
    log.invoke(known.conversation_id, known.origin.command_id)
    log.ok(known.conversation_id, known.origin.command_id, [1, 2])
    log.fail(refused.conversation_id, refused.origin.command_id, "overloaded")

    assert judge(read_log(path), await stored(known, lost)) == []


async def test_a_line_that_a_kill_cut_off_is_left_out(log: HistoryLog, path: Path) -> None:
    log.invoke("conversation", "command")
    with path.open("ab") as file:
        file.write(b'{"outcome": "ok", "comm')

    assert [entry.outcome for entry in read_log(path)] == ["invoke"]


async def test_an_acknowledged_command_that_is_not_stored_is_seen(log: HistoryLog, path: Path) -> None:
    append = opening()
    log.invoke(append.conversation_id, append.origin.command_id)
    log.ok(append.conversation_id, append.origin.command_id, [1, 2])

    assert "was acknowledged as (1, 2) and is stored as []" in judge(read_log(path), ())[0]


async def test_a_refused_command_that_is_stored_is_seen(log: HistoryLog, path: Path) -> None:
    append = opening()
    log.invoke(append.conversation_id, append.origin.command_id)
    log.fail(append.conversation_id, append.origin.command_id, "conflict")

    assert "was refused each time and is stored" in judge(read_log(path), await stored(append))[0]


async def test_two_answers_to_one_command_are_seen(log: HistoryLog, path: Path) -> None:
    append = opening()
    for versions in ([1, 2], [2, 3]):
        log.invoke(append.conversation_id, append.origin.command_id)
        log.ok(append.conversation_id, append.origin.command_id, versions)

    assert "got different answers" in judge(read_log(path), await stored(append))[0]


async def test_a_command_that_took_effect_twice_is_seen(log: HistoryLog, path: Path) -> None:
    first, second = opening(), opening()
    log.invoke(first.conversation_id, first.origin.command_id)
    events = await stored(first, second)
    doubled = [replace(event, origin=first.origin) for event in events]

    assert "took effect more than once" in judge(read_log(path), doubled)[0]


async def test_an_event_from_nobody_is_seen() -> None:
    assert "nobody sent it" in judge([], await stored(opening()))[0]


async def test_a_hole_is_seen(log: HistoryLog, path: Path) -> None:
    append = an_append(new_conversation(), events=[message(), message(), message()])
    log.invoke(append.conversation_id, append.origin.command_id)
    first, _, third = await stored(append)

    violations = judge(read_log(path), [first, third], check_transitions=False)

    assert "version 3 stands where 2 is due" in violations[0]


async def test_an_event_that_its_state_does_not_allow_is_seen(log: HistoryLog, path: Path) -> None:
    append = opening([*started(), ResponseStarted(response_id="1", message_id=MessageId(new_id()))])
    log.invoke(append.conversation_id, append.origin.command_id)

    assert "ResponseStarted in IDLE" in judge(read_log(path), await stored(append))[0]
