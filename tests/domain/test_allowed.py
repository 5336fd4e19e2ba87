"""`allowed` promises what is legal: in every situation, and under every policy."""

from typing import Final

import pytest

from domain.conversation import commands as c
from domain.conversation.conversation import Conversation, allowed
from domain.conversation.decider import decide
from domain.conversation.errors import Busy, ConversationExists, InvalidTransition, UnknownMessage, UnknownToolCall
from domain.conversation.events import Event
from domain.conversation.transitions import State
from tests.support.decider import conversation_after, issued, numbered_uuid
from tests.support.exploration import reachable_conversations, well_formed_commands
from tests.support.moments import CALLING_TOOL, ENDED, FAILED, IDLE, INTERRUPTED, LISTENING, PROCESSING, processing

SITUATIONS: Final = list(reachable_conversations())
UNUSED_ID: Final = numbered_uuid(0xFFFF_FFFF)


def names_refused_by_state(conversation: Conversation) -> set[str]:
    """The commands that are refused in this situation because of the situation."""
    refused = set()
    for command in well_formed_commands(conversation):
        try:
            decide(issued(command, UNUSED_ID), conversation)
        except (InvalidTransition, Busy, ConversationExists):
            refused.add(c.name_of(type(command)))
        except UnknownMessage:
            assert conversation.message_count == 0
        except UnknownToolCall:
            assert conversation.open_tool_calls == ()
    return refused


def test_every_state_and_policy_is_explored() -> None:
    explored = {(conversation.state, conversation.policies.on_busy) for conversation in SITUATIONS}
    assert explored == {(state, on_busy) for state in State for on_busy in ("reject", "interrupt", "enqueue")}
    assert len(SITUATIONS) > 90


def test_what_is_allowed_is_taken() -> None:
    for conversation in SITUATIONS:
        promised = {
            type(command): command
            for command in well_formed_commands(conversation)
            if c.name_of(type(command)) in allowed(conversation)
        }
        for command in promised.values():
            names_message = isinstance(command, c.CorrectMessage | c.RecordFeedback)
            if not names_message or conversation.message_count > 0:
                assert decide(issued(command, UNUSED_ID), conversation) != (), command


def test_what_is_refused_by_the_state_is_not_allowed() -> None:
    for conversation in SITUATIONS:
        assert names_refused_by_state(conversation).isdisjoint(allowed(conversation))


def test_nothing_but_a_start_is_allowed_before_the_start() -> None:
    assert allowed(conversation_after([])) == ("start_conversation",)


def test_after_the_end_what_was_said_can_still_be_corrected_and_rated() -> None:
    assert allowed(conversation_after(ENDED)) == ("correct_message", "record_feedback")


@pytest.mark.parametrize(
    ("name", "there", "not_there"),
    [
        ("retry_turn", FAILED, IDLE),
        ("resume_speech", INTERRUPTED, LISTENING),
        ("complete_tool_call", CALLING_TOOL, PROCESSING),
        ("start_listening", processing("interrupt"), PROCESSING),
        ("submit_user_message", processing("enqueue"), PROCESSING),
    ],
)
def test_what_hangs_on_more_than_the_state_is_offered_only_where_it_is_so(
    name: str, there: tuple[Event, ...], not_there: tuple[Event, ...]
) -> None:
    assert name in allowed(conversation_after(there))
    assert name not in allowed(conversation_after(not_there))
