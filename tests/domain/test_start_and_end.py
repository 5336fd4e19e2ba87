"""How a conversation comes to be, and how it ends."""

import pytest
from msgspec.structs import replace

from domain.conversation import commands as c
from domain.conversation import events as e
from domain.conversation.errors import ConversationExists, ConversationNotFound, InvalidTransition
from domain.conversation.transitions import State
from domain.conversation.values import GivenPolicies, Policies
from domain.ids import ConversationId
from tests.support.decider import CONVERSATION_ID, NOON, TENANT_ID, conversation_after, given, numbered_uuid
from tests.support.moments import (
    BARGE_IN,
    CALLING_TOOL,
    ENDED,
    IDLE,
    LISTENING,
    PROCESSING,
    RESUMED,
    SPEAKING,
    WAITING,
    speaking,
)

HANG_UP = c.EndConversation(ended_reason="client_disconnected", detail="The line went dead.")
HUNG_UP = e.ConversationEnded(ended_reason="client_disconnected", detail="The line went dead.")
CUT_SHORT = replace(BARGE_IN, source="programmatic")


def test_a_conversation_starts_with_all_that_is_known_of_it() -> None:
    command = c.StartConversation(
        user_id="ada",
        agent="concierge",
        channel="phone",
        language="en-GB",
        metadata={"plan": "gold"},
        parent_id=ConversationId(numbered_uuid(5)),
        policies=GivenPolicies(on_busy="enqueue", max_duration_s=60),
    )
    conversation = (
        given()
        .when(command)
        .then(
            e.ConversationStarted(
                tenant_id=TENANT_ID,
                user_id="ada",
                agent="concierge",
                channel="phone",
                language="en-GB",
                metadata={"plan": "gold"},
                parent_id=ConversationId(numbered_uuid(5)),
                policies=Policies(on_busy="enqueue", max_duration_s=60),
            )
        )
    )
    assert (conversation.state, conversation.version, conversation.turn) == (State.IDLE, 1, 0)
    assert (conversation.user_id, conversation.agent, conversation.channel) == ("ada", "concierge", "phone")
    assert conversation.started_at == conversation.last_activity_at == NOON
    assert conversation.is_active
    assert conversation.duration_seconds is None


@pytest.mark.parametrize("moment", [IDLE, ENDED], ids=["idle", "ended"])
def test_a_conversation_starts_once(moment: tuple[e.Event, ...]) -> None:
    given(*moment).when(c.StartConversation()).then_refused(
        ConversationExists, version=len(moment), code="already_exists"
    )


def test_what_has_not_started_is_not_found() -> None:
    given().when(c.EndConversation()).then_refused(
        ConversationNotFound, conversation_id=CONVERSATION_ID, code="not_found"
    )


@pytest.mark.parametrize(
    ("moment", "closing"),
    [
        (IDLE, ()),
        (LISTENING, ()),
        (PROCESSING, (e.ResponseCancelled(reason="conversation_ended"),)),
        (CALLING_TOOL, (e.ResponseCancelled(reason="conversation_ended"),)),
        (SPEAKING, (CUT_SHORT,)),
    ],
    ids=["idle", "listening", "processing", "calling a tool", "speaking"],
)
def test_the_end_closes_the_open_turn_first(moment: tuple[e.Event, ...], closing: tuple[e.Event, ...]) -> None:
    conversation = given(*moment).when(HANG_UP).then(*closing, HUNG_UP)
    assert conversation.state is State.ENDED
    assert conversation.response is conversation.interrupted is None
    assert conversation.open_tool_calls == ()
    assert conversation.ended_reason == "client_disconnected"
    assert not conversation.is_active


def test_an_answer_that_had_resumed_is_closed_without_counting_it_again() -> None:
    cut_again = replace(CUT_SHORT, resumed=True)
    assert given(*RESUMED).when(HANG_UP).then(cut_again, HUNG_UP).message_count == 2


def test_who_still_waits_is_not_answered_any_more() -> None:
    conversation = given(*speaking("enqueue"), WAITING).when(HANG_UP).then(CUT_SHORT, HUNG_UP)
    assert conversation.queue == ()
    assert conversation.message_count == 3


def test_ending_twice_is_ending_once_and_the_first_reason_stays() -> None:
    given(*ENDED).when(HANG_UP, seconds_later=86_400).then_nothing()


def test_nothing_begins_again_after_the_end() -> None:
    given(*ENDED).when(c.StartListening()).then_refused(
        InvalidTransition, state=State.ENDED, version=2, allowed=("correct_message", "record_feedback")
    )


def test_the_duration_is_counted_from_start_to_end() -> None:
    assert given(*IDLE).when(HANG_UP, seconds_later=90).then(HUNG_UP).duration_seconds == 90


def test_the_duration_is_never_negative_though_clocks_jump() -> None:
    assert given(*IDLE).when(HANG_UP, seconds_later=-3_600).then(HUNG_UP).duration_seconds == 0


def test_a_conversation_without_events_has_no_state() -> None:
    conversation = conversation_after([])
    assert (conversation.state, conversation.version, conversation.is_active) == (None, 0, False)
