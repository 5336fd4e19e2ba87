"""A conversation holds so many events; the end always has room."""

import pytest
from msgspec.structs import replace

from domain.conversation import commands as c
from domain.conversation import events as e
from domain.conversation.conversation import Conversation
from domain.conversation.errors import LimitReached
from domain.conversation.limits import MAX_CONVERSATION_EVENTS
from tests.support.decider import conversation_after, given_conversation
from tests.support.moments import ANSWER, BARGE_IN, INTERRUPTED, RESPONSE_ID, SPEAKING, WAITING, speaking

CUT_SHORT = replace(BARGE_IN, source="programmatic")
END = e.ConversationEnded(ended_reason="user_ended")


def at_version(version: int, *events: e.Event) -> Conversation:
    """A conversation in the state after these events, as if it had many more of them."""
    return replace(conversation_after(events), version=version)


@pytest.mark.parametrize(
    "command",
    [
        c.CompleteResponse(content="At seven."),
        c.RecordMessage(role="system", content="!"),
        c.ChangeMetadata(metadata={"plan": "gold"}),
        c.StartListening(),
    ],
    ids=lambda command: c.name_of(type(command)),
)
def test_a_full_conversation_takes_nothing_more(command: c.Command) -> None:
    full = at_version(MAX_CONVERSATION_EVENTS, *SPEAKING)
    given_conversation(full).when(command).then_refused(LimitReached, limit=MAX_CONVERSATION_EVENTS)


def test_a_full_conversation_can_end_and_closes_its_turn() -> None:
    full = at_version(MAX_CONVERSATION_EVENTS, *SPEAKING)
    ended = given_conversation(full).when(c.EndConversation()).then(CUT_SHORT, END)
    given_conversation(ended).when(c.EndConversation()).then_nothing()


def test_what_is_true_already_needs_no_room() -> None:
    full = at_version(MAX_CONVERSATION_EVENTS, *SPEAKING)
    given_conversation(full).when(c.ResumeSpeech()).then_nothing()


def test_the_last_event_has_room() -> None:
    nearly_full = at_version(MAX_CONVERSATION_EVENTS - 1, *INTERRUPTED)
    after = given_conversation(nearly_full).when(c.ResumeSpeech()).then(e.SpeechResumed(response_id=RESPONSE_ID))
    assert after.version == MAX_CONVERSATION_EVENTS


def test_two_events_are_taken_both_or_none() -> None:
    nearly_full = at_version(MAX_CONVERSATION_EVENTS - 1, *speaking("enqueue"), WAITING)
    command = c.CompleteResponse(content=ANSWER.content)
    given_conversation(nearly_full).when(command).then_refused(LimitReached, limit=MAX_CONVERSATION_EVENTS)
