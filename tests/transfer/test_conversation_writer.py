"""Histories from elsewhere are stored once, whole or not at all, and never over another conversation."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import pytest
from msgspec.structs import replace

from adapters.memory.event_store import MemoryEventStore
from adapters.system.ids import Uuid7Source
from app.operations.transfer.conversation_writer import ConversationWriter, Fate, Outcome, WriterTally
from app.operations.transfer.histories import History
from app.operations.transfer.opening import open_event_store
from domain.conversation.commands import CompleteResponse, EndConversation, StartConversation, SubmitUserMessage
from domain.conversation.events import tag_of
from domain.conversation.limits import MAX_CONTENT_BYTES
from domain.ports import EventStore
from tests.support.decider import CONVERSATION_ID, NOON, TENANT_ID
from tests.support.recording import TickingClock
from tests.support.transfer import IMPORTER, history, rows

DIALOGUE: Final = (
    StartConversation(user_id="ada"),
    SubmitUserMessage(content="A table for two, please."),
    CompleteResponse(content="At seven?"),
    SubmitUserMessage(content="At eight."),
    EndConversation(),
)


@pytest.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest, database: str) -> AsyncIterator[EventStore]:
    if request.param == "memory":
        yield MemoryEventStore(TickingClock())
    else:
        async with open_event_store(database) as opened:
            yield opened


@pytest.fixture
def writer(store: EventStore) -> ConversationWriter:
    return ConversationWriter(store, Uuid7Source(), IMPORTER)


async def stored_tags(store: EventStore, of: History) -> list[str]:
    """What the store has of it, oldest first."""
    return [tag_of(type(recorded.event)) for recorded in await store.read(of.tenant_id, of.conversation_id)]


async def test_a_history_is_stored_with_its_times_and_its_actor(writer: ConversationWriter, store: EventStore) -> None:
    given = history(*DIALOGUE)

    outcome = await writer.write(given)

    assert (outcome.fate, outcome.events_added) == (Fate.ADDED, 6)
    stored = await store.read(TENANT_ID, given.conversation_id)
    assert [tag_of(type(recorded.event)) for recorded in stored] == [
        "conversation_started",
        "user_message_received",
        "response_completed",
        "user_message_received",
        "response_cancelled",
        "conversation_ended",
    ]
    assert [(recorded.origin.occurred_at - NOON).seconds // 60 for recorded in stored] == [0, 1, 2, 3, 4, 4]
    assert {recorded.origin.actor for recorded in stored} == {IMPORTER}


async def test_what_is_there_is_not_written_again(writer: ConversationWriter, store: EventStore) -> None:
    given = history(*DIALOGUE)
    await writer.write(given)

    again = await writer.write(given)

    assert (again.fate, again.events_added) == (Fate.PRESENT, 0)
    assert len(await stored_tags(store, given)) == 6


async def test_what_is_in_the_archive_is_there(writer: ConversationWriter, database: str) -> None:
    given = history(*DIALOGUE)
    await writer.write(given)
    rows(database, "SELECT turnlog_archive(%s::uuid[])", [[given.conversation_id]])

    assert (await writer.write(given)).fate is Fate.PRESENT


async def test_what_was_cut_off_is_finished(writer: ConversationWriter, store: EventStore) -> None:
    await writer.write(history(*DIALOGUE[:3]))

    outcome = await writer.write(history(*DIALOGUE))

    assert (outcome.fate, outcome.events_added) == (Fate.ADDED, 3)
    assert len(await stored_tags(store, history())) == 6


async def test_a_conversation_that_has_gone_on_is_there(writer: ConversationWriter) -> None:
    await writer.write(history(*DIALOGUE))

    outcome = await writer.write(history(*DIALOGUE[:2]))

    assert outcome.fate is Fate.PRESENT


async def test_another_history_under_the_same_id_is_reported_and_changes_nothing(
    writer: ConversationWriter, store: EventStore
) -> None:
    given = history(*DIALOGUE)
    await writer.write(given)
    changed = (*DIALOGUE[:2], CompleteResponse(content="At nine?"), *DIALOGUE[3:])

    outcome = await writer.write(history(*changed))

    assert outcome.fate is Fate.DIFFERENT
    assert outcome.reason is not None
    assert given.conversation_id in outcome.reason
    assert len(await stored_tags(store, given)) == 6


async def test_another_time_is_another_history_unless_it_was_made_up(writer: ConversationWriter) -> None:
    given = history(*DIALOGUE)
    made_up = history(*DIALOGUE, number=2)
    made_up = replace(made_up, commands=tuple(replace(past, is_time_made_up=True) for past in made_up.commands))
    await writer.write(given)
    await writer.write(made_up)

    outcomes = [await writer.write(a_day_later(each)) for each in (given, made_up)]

    assert [outcome.fate for outcome in outcomes] == [Fate.DIFFERENT, Fate.PRESENT]


def a_day_later(given: History) -> History:
    """The same, said a day later."""
    later = tuple(replace(past, occurred_at=past.occurred_at + timedelta(days=1)) for past in given.commands)
    return replace(given, commands=later)


async def test_a_command_id_of_another_conversation_is_reported(writer: ConversationWriter) -> None:
    given = history(*DIALOGUE)
    await writer.write(given)

    outcome = await writer.write(replace(given, conversation_id=CONVERSATION_ID))

    assert outcome.fate is Fate.DIFFERENT
    assert outcome.reason is not None
    assert "was carried out before" in outcome.reason


async def test_a_conversation_of_another_tenant_is_not_touched(writer: ConversationWriter, store: EventStore) -> None:
    given = history(*DIALOGUE)
    await writer.write(replace(given, tenant_id=TENANT_ID[:-1] + "b"))

    outcome = await writer.write(given)

    assert outcome.fate is Fate.DIFFERENT
    assert await stored_tags(store, given) == []


async def test_a_history_that_breaks_a_rule_leaves_nothing_and_names_the_place(
    writer: ConversationWriter, store: EventStore
) -> None:
    too_long = SubmitUserMessage(content="x" * (MAX_CONTENT_BYTES + 1))
    given = history(*DIALOGUE[:3], too_long)

    outcome = await writer.write(given)

    assert outcome.fate is Fate.REFUSED
    assert outcome.reason is not None
    assert outcome.reason.startswith("`messages[2].content` ")
    assert str(MAX_CONTENT_BYTES) in outcome.reason
    assert await stored_tags(store, given) == []


async def test_many_are_written_at_a_time_and_each_has_its_outcome(
    writer: ConversationWriter, store: EventStore
) -> None:
    given = [history(*DIALOGUE, number=number) for number in range(1, 301)]
    await writer.write(given[7])
    tally, names = WriterTally(), set()

    def on_outcome(outcome: Outcome) -> None:
        tally.count(outcome)
        names.add(outcome.history.name)

    await writer.write_all(given, on_outcome)

    assert (tally.added, tally.present, tally.different, tally.refused) == (299, 1, 0, 0)
    assert tally.events_added == 299 * 6
    assert names == {each.name for each in given}
    assert [len(await stored_tags(store, each)) for each in given] == [6] * 300
